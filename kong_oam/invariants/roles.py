"""Find the groups and clients that hold two roles which an invariant separates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kong_oam.access.data import Names
from kong_oam.access.model import Component, Estate, Role
from kong_oam.invariants.model import RoleInvariant, RoleName, Who


@dataclass(frozen=True, slots=True)
class Holding:
    """The holder of two roles: a client, or a group with its names in both roles."""

    client: str
    groups: Names
    roles: tuple[RoleName, RoleName]

    def is_in(self, who: Who) -> bool:
        """Return whether a list has the holder, under each of its names."""
        if self.client:
            return who.lists_client(self.client)
        return who.groups.issuperset(self.groups)


# A holder under a name: a logical group, a group at a provider, or a client.
_Name = tuple[str, ...]


def role_of(estate: Estate, name: RoleName) -> Role | None:
    """Return the role of this name, or None."""
    component = estate.components.get(name.component)
    for role in component.identity.roles if component else ():
        if role.name == name.role:
            return role
    return None


def holdings(invariant: RoleInvariant, estate: Estate) -> Iterator[Holding]:
    """Yield the holders of two roles, once for each first role and holder.

    A group is the same under one logical name, or under one name at one provider.
    """
    held = [_holders(estate, name) for name in invariant.roles]
    found = set()
    for number, first in enumerate(invariant.roles):
        for later in range(number + 1, len(held)):
            second = invariant.roles[later]
            for name in sorted(held[number].keys() & held[later].keys()):
                client = name[1] if name[0] == _CLIENT else ""
                groups = {*held[number][name], *held[later][name]}
                holder = client, tuple(sorted(groups))
                if (first, holder) not in found:
                    found.add((first, holder))
                    yield Holding(*holder, (first, second))


_CLIENT = "client"
_GROUP = "group"


def _holders(estate: Estate, name: RoleName) -> Mapping[_Name, set[str]]:
    """Return the holders of a role by name, each with the group's names in the role."""
    component = estate.components.get(name.component)
    role = role_of(estate, name)
    holders: dict[_Name, set[str]] = defaultdict(set)
    if component is None or role is None:
        return holders
    for client in role.components:
        holders[_CLIENT, client] = set()
    for group in role.groups:
        for same in _names_of(estate, component, group):
            holders[same].add(group)
    return holders


def _names_of(
    estate: Estate, component: Component, group: str
) -> tuple[_Name, _Name]:
    provider = estate.provider_of(component)
    return (_GROUP, group), (_GROUP, provider.name, provider.group(group))
