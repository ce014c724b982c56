"""Build the input of lint rules: a subject for each component."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

import kong_oam.oam.model as oam
from kong_oam.access.absent import with_absent_clients
from kong_oam.access.data import NameSets, Scopes
from kong_oam.access.lint.connections import missing_connections
from kong_oam.access.lint.groups import doubtful_groups
from kong_oam.access.lint.subject import Grants, Holder, LintSubject, Paths
from kong_oam.access.model import Component, Estate

_NONE: Grants = {}


def grants_of(estate: Estate) -> Mapping[str, Grants]:
    """Return the grants of each called component."""
    grants: dict[str, dict[str, Scopes]] = {}
    for client in estate.clients:
        for call in client.calls:
            of_callee = grants.setdefault(call.component, {})
            roles = of_callee.get(client.component, frozenset())
            of_callee[client.component] = roles | frozenset(call.roles)
    for component in estate.components.values():
        before = component.identity.before
        for call in before.calls if before else ():
            of_callee = grants.setdefault(call.component, {})
            roles = of_callee.get(component.key, frozenset())
            of_callee[component.key] = roles | frozenset(call.roles)
    return grants


def _holders(
    estate: Estate, component: Component, sign_in_groups: SignInGroups
) -> Iterator[Holder]:
    provider = estate.provider_of(component)
    # By scope, the provider's names of the groups that hold it.
    groups_by_scope: NameSets = {}
    for role in component.identity.roles:
        if role.groups:
            groups = {*map(provider.group, role.groups)}
            for scope in role.scopes:
                groups_by_scope.setdefault(scope, set()).update(groups)
    for client, granted in estate.granted_at(component, users=False).items():
        if granted:
            yield Holder(client, frozenset(granted))
    for caller in component.identity.old_callers:
        yield Holder(caller.client, frozenset(caller.scopes))
    for client, granted in estate.granted_at(component, users=True).items():
        client_groups = sign_in_groups.get(
            (client, component.identity.provider), frozenset()
        )
        carried = frozenset(granted) & groups_by_scope.keys()
        split = {
            scope
            for scope in carried
            if groups_by_scope[scope].isdisjoint(client_groups)
        }
        open_to = frozenset(
            role.name
            for role in component.identity.roles
            if not client_groups.isdisjoint(map(provider.group, role.groups))
        )
        if carried:
            yield Holder(client, carried, frozenset(split), open_to)


# By client and provider, the provider's names of the groups whose users sign in through it.
SignInGroups = Mapping[tuple[str, str], Scopes]


def _sign_in_groups(estate: Estate) -> SignInGroups:
    sign_in_groups = {}
    for client in estate.clients:
        if client.user_facing:
            provider = estate.stack.providers[client.provider]
            groups = frozenset(map(provider.group, client.groups))
            sign_in_groups[client.component, client.provider] = groups
    return sign_in_groups


def _paths_of(estate: Estate) -> Mapping[str, Paths]:
    paths = {}
    for host, pairs in estate.by_host.items():
        paths[host] = tuple(
            (endpoint.path, component.key) for endpoint, component in pairs
        )
    return paths


def subjects(
    applications: tuple[oam.Application, ...],
    estate: Estate,
    as_of: date,
) -> Iterator[LintSubject]:
    """Yield a subject per component. `estate` is the result of compiling `applications`."""
    # A client outside this part of the estate may use its grants.
    whole = with_absent_clients(estate)
    grants = grants_of(whole)
    paths = _paths_of(estate)
    doubtful = doubtful_groups(estate)
    sign_in_groups = _sign_in_groups(whole)
    missing = missing_connections(estate, as_of)
    for application in applications:
        siblings = tuple(
            estate.components[f"{application.name}/{part.name}"]
            for part in application.components
        )
        for part, component in zip(
            application.components, siblings, strict=True
        ):
            yield LintSubject(
                grants=grants.get(component.key, _NONE),
                holders=tuple(_holders(whole, component, sign_in_groups)),
                hosts={host: paths[host] for host in component.hosts},
                doubtful_groups={
                    group: doubtful[group]
                    for group in doubtful.keys() & component.groups
                },
                as_of=as_of,
                missing_connections=tuple(missing.get(component.key, ())),
                application=application,
                part=part,
                component=component,
                siblings=siblings,
            )
