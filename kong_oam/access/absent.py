"""Clients of Applications that are not here, as roles name them: what they ask for, nobody here
knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain, groupby
from operator import attrgetter

from kong_oam.access.data import Names, NameSets
from kong_oam.access.model import (
    EXTERNAL,
    Application,
    Call,
    Client,
    ClientKind,
    Component,
    Estate,
    Role,
    bare_component,
)


def with_absent_clients(estate: Estate) -> Estate:
    """The estate with each component that a role names and that is not here, as a client that asks
    for all that its roles grant: as itself, and for users of every group. Of one with a stack,
    which has all, it is the estate itself.
    """
    if not estate.stack.partial:
        return estate
    named: dict[str, dict[str, list[Role]]] = {}
    for component in estate.components.values():
        for role in component.identity.roles:
            for member in set(role.components) - estate.components.keys():
                held = named.setdefault(member, {})
                held.setdefault(component.key, []).append(role)
    absent = [
        _component(estate, key, held) for key, held in sorted(named.items())
    ]
    applications = [*estate.applications]
    for name, components in groupby(absent, attrgetter("application")):
        applications.append(Application(name, "", {}, {}, tuple(components)))
    return replace(estate, applications=tuple(applications))


def _component(
    estate: Estate, key: str, held: Mapping[str, list[Role]]
) -> Component:
    """The component that holds these roles, each of the component with that key."""
    clients = tuple(_clients(estate, key, held))
    first = clients[0]
    bare = bare_component(key, first.provider)
    known = replace(bare, type=EXTERNAL, position=first.position)
    return known.with_clients(clients)


def _clients(
    estate: Estate, key: str, held: Mapping[str, list[Role]]
) -> Iterator[Client]:
    calls: dict[str, list[Call]] = {}
    groups: NameSets = {}
    for called, roles in held.items():
        component = estate.components[called]
        scopes = dict.fromkeys(
            chain.from_iterable(role.scopes for role in roles)
        )
        names = tuple(role.name for role in roles)
        call = Call(called, tuple(scopes), names, roles[0].position)
        calls.setdefault(component.identity.provider, []).append(call)
        # Which groups it is assigned to depends on what else it calls; users need one that holds
        # the scope, too.
        groups.setdefault(component.identity.provider, set()).update(
            component.groups
        )
    for provider, of_provider in calls.items():
        assigned = tuple(sorted(groups[provider]))
        position = of_provider[0].position
        kinds: dict[ClientKind, Names] = {"service": ()}
        if assigned:
            kinds = {"web": assigned, "service": ()}
        for kind, of_users in kinds.items():
            yield Client(
                key,
                kind,
                provider,
                tuple(of_provider),
                of_users,
                redirect_uris=(),
                refresh=False,
                position=position,
            )
