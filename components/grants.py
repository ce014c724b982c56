"""Orders what clients are granted and what their pods ask for.

A provider refuses a request for tokens as a whole that asks for a scope too many (RFC 6749, 5.2:
invalid_scope). So pods ask for more once it is granted, and no less is granted than they ask for.
Of a change that does both at once the grant comes first. Over partitions such a change is refused
(kong_oam.stacks.grant_changes).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import pulumi

from kong_oam.access.model import Client

from .graph import Predecessors, once_made

Make = Callable[[Sequence[pulumi.Input[pulumi.Resource]]], pulumi.Resource]
"""Makes what a client is granted, after these."""


@dataclass(frozen=True, slots=True)
class Grants:
    """What one client is granted: `made` already, or to be made `later`, once its pods ask for no
    more."""

    made: Predecessors = ()
    later: Make | None = None


NONE = Grants()


def grant(
    client: Client,
    scopes: Collection[str],
    before: Mapping[str, Collection[str]],
    make: Make,
) -> Grants:
    """Make what a client is granted, unless these scopes are fewer than `before`.

    `before` are the names of the scopes by the state, by the client's name.
    """
    if {*scopes} < {*before.get(client.name, ())}:
        return Grants(later=make)
    return Grants([make(())])


def finish(grants: Grants, running: Predecessors) -> None:
    """Make what was left for later, after the client's pods."""
    if grants.later:
        grants.later([once_made(running)])
