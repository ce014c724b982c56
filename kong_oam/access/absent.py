"""Clients of Applications that are not here, as roles name them: what they ask for, nobody here knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
    """The estate with each component that a role names and that is not here, as a client that asks for all that its
    roles grant: as itself, and for users of every group. Of one with a stack, which has all, it is the estate itself.
    """
    if not estate.stack.partial:
        return estate
    named: dict[str, list[tuple[Component, Role]]] = {}
    for component in estate.components.values():
        for role in component.roles:
            for member in role.components:
                if member not in estate.components:
                    named.setdefault(member, []).append((component, role))
    absent = [_component(key, held) for key, held in sorted(named.items())]
    applications = (
        Application(name, "", {}, {}, tuple(components))
        for name, components in groupby(absent, lambda component: component.application)
    )
    return replace(estate, applications=(*estate.applications, *applications))


def _component(key: str, held: list[tuple[Component, Role]]) -> Component:
    component, role = held[0]
    clients = tuple(_clients(key, held))
    return replace(bare_component(key, component.provider), type=EXTERNAL, clients=clients, place=role.place)


def _clients(key: str, held: list[tuple[Component, Role]]) -> Iterator[Client]:
    by_provider: dict[str, dict[str, Component]] = {}
    for component, _ in held:
        by_provider.setdefault(component.provider, {})[component.key] = component
    for provider, components in by_provider.items():
        calls = tuple(
            _call(called, [role for component, role in held if component is components[called]])
            for called in components
        )
        # Which groups it is assigned to depends on what else it calls; users need one that holds the scope, too.
        groups = {group for component in components.values() for role in component.roles for group in role.groups}
        kinds: tuple[ClientKind, ...] = ("web", "service") if groups else ("service",)
        for kind in kinds:
            of_users = tuple(sorted(groups)) if kind == "web" else ()
            yield Client(key, kind, provider, calls, of_users, (), refresh=False, place=calls[0].place)


def _call(component: str, roles: Iterable[Role]) -> Call:
    roles = tuple(roles)
    scopes = tuple(dict.fromkeys(scope for role in roles for scope in role.scopes))
    return Call(component, scopes, tuple(role.name for role in roles), roles[0].place)
