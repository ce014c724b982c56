"""Orders the grants of clients and the scopes that their pods request.

A provider rejects a token request with one scope too many (RFC 6749, 5.2: invalid_scope). So pods
request a new scope after its grant, and a grant ends after pods stop requesting it. If a change
does both, the grant comes first. Over partitions such a change is rejected
(kong_oam.stacks.grant_changes).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from pulumi import Input, Resource

from kong_oam.access.model import Client

from .graph import Predecessors, first_missing

# Makes a client's grants, after these resources.
Make = Callable[[Sequence[Input[Resource]]], Resource]


@dataclass(frozen=True, slots=True)
class Grants:
    """The grants of one client: `made` already, or to be made `later`, once its pods no longer
    request more."""

    made: Predecessors = ()
    later: Make | None = None


NONE = Grants()


def grant(
    client: Client,
    scopes: Collection[str],
    before: Mapping[str, Collection[str]],
    make: Make,
) -> Grants:
    """Make the client's grants, unless these scopes are fewer than `before`.

    `before` are the names of the scopes in the state, by the client's name.
    """
    if {*scopes} < {*before.get(client.name, ())}:
        return Grants(later=make)
    return Grants([make(())])


def finish(grants: Grants, running: Predecessors) -> None:
    """Make the postponed grants, after the client's pods."""
    if grants.later:
        grants.later([first_missing(running)])
