"""Clients of Applications that are not here, as roles name them: what they ask for, nobody here
knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import groupby

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
        for role in component.roles:
            for member in role.components:
                if member not in estate.components:
                    named.setdefault(member, {}).setdefault(component.key, []).append(
                        role
                    )
    absent = [_component(estate, key, held) for key, held in sorted(named.items())]
    applications = (
        Application(name, "", {}, {}, tuple(components))
        for name, components in groupby(absent, lambda component: component.application)
    )
    return replace(estate, applications=(*estate.applications, *applications))


def _component(estate: Estate, key: str, held: Mapping[str, list[Role]]) -> Component:
    """The component that holds these roles, each of the component with that key."""
    clients = tuple(_clients(estate, key, held))
    first = clients[0]
    bare = bare_component(key, first.provider)
    return replace(bare, type=EXTERNAL, clients=clients, place=first.place)


def _clients(
    estate: Estate, key: str, held: Mapping[str, list[Role]]
) -> Iterator[Client]:
    calls: dict[str, list[Call]] = {}
    groups: dict[str, set[str]] = {}
    for called, roles in held.items():
        component = estate.components[called]
        scopes = tuple(dict.fromkeys(scope for role in roles for scope in role.scopes))
        call = Call(called, scopes, tuple(role.name for role in roles), roles[0].place)
        calls.setdefault(component.provider, []).append(call)
        # Which groups it is assigned to depends on what else it calls; users need one that holds
        # the scope, too.
        groups.setdefault(component.provider, set()).update(component.groups)
    for provider, of_provider in calls.items():
        assigned = tuple(sorted(groups[provider]))
        kinds: tuple[ClientKind, ...] = ("web", "service") if assigned else ("service",)
        for kind in kinds:
            of_users = assigned if kind == "web" else ()
            place = of_provider[0].place
            yield Client(
                key,
                kind,
                provider,
                tuple(of_provider),
                of_users,
                redirect_uris=(),
                refresh=False,
                place=place,
            )
