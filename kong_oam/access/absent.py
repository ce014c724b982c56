"""Clients in roles whose Applications are missing here, so that their calls are unknown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain

from kong_oam.access.data import Names, NameSets
from kong_oam.access.diff.model import application_of
from kong_oam.access.model import (
    EXTERNAL,
    Call,
    Client,
    ClientKind,
    Component,
    Estate,
    Role,
    bare_component,
)


def with_absent_clients(estate: Estate) -> Estate:
    """Return the estate with a client for each absent component that a role names.

    The client requests all scopes of its roles, as itself and for users of every group. Components
    of Applications outside `unjudged` are deleted and get no client. A complete estate is returned
    unchanged.
    """
    named: dict[str, dict[str, list[Role]]] = {}
    for component, role, members in absent_members(estate):
        for member in members:
            if member.partition("/")[0] in estate.unjudged:
                held = named.setdefault(member, {})
                held.setdefault(component.key, []).append(role)
    if not named:
        return estate
    absent = [
        _component(estate, key, held) for key, held in sorted(named.items())
    ]
    applications = (*estate.applications, *map(application_of, absent))
    return replace(estate, applications=applications)


def absent_members(
    estate: Estate,
) -> Iterator[tuple[Component, Role, list[str]]]:
    """Yield the roles that name components without an Application here, and these components."""
    if not estate.stack.partial:
        return
    for component in estate.components.values():
        for role in component.identity.roles:
            members = {*role.components} - estate.components.keys()
            if members:
                yield component, role, sorted(members)


def _component(
    estate: Estate, key: str, held: Mapping[str, list[Role]]
) -> Component:
    """Return an absent component with its roles. `held`: its roles by the key of the component that
    grants them."""
    clients = tuple(_clients(estate, key, held))
    first = clients[0]
    bare = bare_component(key, first.provider)
    known = replace(bare, type=EXTERNAL, position=first.position)
    return known.with_clients(clients)


def _clients(
    estate: Estate, key: str, held: Mapping[str, list[Role]]
) -> Iterator[Client]:
    calls = defaultdict(list)
    groups: NameSets = {}
    for called, roles in held.items():
        component = estate.components[called]
        scopes = dict.fromkeys(
            chain.from_iterable(role.scopes for role in roles)
        )
        names = tuple(role.name for role in roles)
        call = Call(called, tuple(scopes), names, roles[0].position)
        calls[component.identity.provider].append(call)
        # The groups that sign in depend on all its calls. Users also need a group with the scope.
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
