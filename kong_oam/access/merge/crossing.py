"""Find who of one estate may call what of the other, in an estate with both.

Public rules concern everybody, so they do not cross.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from kong_oam.access.callers import Callers
from kong_oam.access.data import Names
from kong_oam.access.endpoint import component_key
from kong_oam.access.internal import Connected
from kong_oam.access.matrix.rows import rows
from kong_oam.access.matrix.table import Row
from kong_oam.access.model import Estate
from kong_oam.access.principals import Condition, Principal


@dataclass(frozen=True, slots=True)
class CrossingCall:
    """A client of one estate, or its users who meet the condition, may call an endpoint of the
    other."""

    principal: Principal
    condition: Condition
    row: Row


@dataclass(frozen=True, slots=True)
class CrossingGroup:
    """A group of users with roles in both estates. `name` is its name at the provider."""

    provider: str
    name: str
    # The components of each estate whose roles have the group.
    ours: Names
    others: Names


@dataclass(frozen=True, slots=True)
class Crossing:
    """All calls, groups and connections that cross; false if there are none."""

    calls: tuple[CrossingCall, ...] = ()
    groups: tuple[CrossingGroup, ...] = ()
    connections: tuple[Connected, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.calls or self.groups or self.connections)


def crossing(ours: Collection[str], estate: Estate) -> Crossing:
    """Return what crosses between the components `ours` (application/component) and all other
    components of an estate."""
    return Crossing(
        tuple(_calls(ours, estate)),
        tuple(_groups(ours, estate)),
        tuple(_connections(ours, estate)),
    )


def _calls(ours: Collection[str], estate: Estate) -> Iterator[CrossingCall]:
    for row in rows(estate, Callers(estate)):
        is_ours = component_key(row.component) in ours
        for principal, condition in sorted(row.access.principals.items()):
            if (principal.client in ours) != is_ours:
                yield CrossingCall(principal, condition, row)


def _groups(ours: Collection[str], estate: Estate) -> Iterator[CrossingGroup]:
    """Yield the groups with roles in both estates.

    Providers without a fixed issuer may share their users, so their groups are the same by name.
    """
    holders: dict[tuple[str, str], tuple[set[str], set[str]]] = {}
    providers: dict[tuple[str, str], str] = {}
    for key, component in estate.components.items():
        provider = estate.provider_of(component)
        for group in component.groups:
            place = provider.issuer or "", provider.group(group)
            providers.setdefault(place, provider.name)
            pair = holders.setdefault(place, (set(), set()))
            pair[component_key(key) not in ours].add(key)
    for place, (inside, outside) in sorted(holders.items()):
        if inside and outside:
            yield CrossingGroup(
                providers[place],
                place[1],
                tuple(sorted(inside)),
                tuple(sorted(outside)),
            )


def _connections(ours: Collection[str], estate: Estate) -> Iterator[Connected]:
    for callee, connection in estate.connections:
        is_ours = component_key(callee) in ours
        if not connection.is_peer and (connection.caller in ours) != is_ours:
            yield callee, connection
