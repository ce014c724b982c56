"""Orders what clients are granted and what their pods ask for.

A provider refuses a request for tokens as a whole that asks for a scope too many (RFC 6749, 5.2:
invalid_scope). So pods ask for more once it is granted, and no less is granted than they ask for.
Of a change that does both at once the grant comes first. Over partitions such a change is refused
(kong_oam.stacks.grant_changes).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import pulumi

from kong_oam.access.model import Client

from .graph import once_made

Make = Callable[[Sequence[pulumi.Input[pulumi.Resource]]], pulumi.Resource]
"""Makes what a client is granted, after these."""


@dataclass(frozen=True, slots=True)
class Granting:
    """What one client is to be granted: the names of the scopes, and what makes it."""

    client: Client
    scopes: Collection[str]
    make: Make


@dataclass(frozen=True, slots=True)
class Grants:
    """What a provider's clients are granted, by component: `made` already, or to be made `later`,
    after the client's pods."""

    made: Mapping[str, pulumi.Resource]
    later: Mapping[str, Make]

    def of(self, component: str) -> Sequence[pulumi.Resource]:
        """Return what a client's pods are to come after."""
        return [self.made[component]] if component in self.made else ()


def make_grants(
    grantings: Iterable[Granting], before: Mapping[str, Collection[str]]
) -> Grants:
    """Make what clients are granted, but for those that are granted less than `before`.

    `before` are the names of the scopes by the state, by the client's name.
    """
    made: dict[str, pulumi.Resource] = {}
    later: dict[str, Make] = {}
    for granting in grantings:
        component = granting.client.component
        if {*granting.scopes} < {*before.get(granting.client.name, ())}:
            later[component] = granting.make
        else:
            made[component] = granting.make(())
    return Grants(made, later)


def make_later(
    later: Mapping[str, Make], running: Mapping[str, Sequence[pulumi.Resource]]
) -> None:
    """Make what was left for later, each after the client's pods: `running`, by component."""
    for component, make in later.items():
        make([once_made(running[component])])
