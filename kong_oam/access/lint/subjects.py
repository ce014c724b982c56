"""Makes the input of lint rules: a subject of each component, with all that rules look at."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping

import kong_oam.oam.application as oam
from kong_oam.access.absent import with_absent_clients
from kong_oam.access.lint.groups import doubtful_groups
from kong_oam.access.lint.subject import Grants, Holder, LintSubject, Paths
from kong_oam.access.model import Component, Estate

_NONE: Grants = {}


def grants_of(estate: Estate) -> Mapping[str, Grants]:
    """The grants of each component that is called."""
    grants: dict[str, dict[str, frozenset[str]]] = {}
    for client in estate.clients:
        for call in client.calls:
            of_callee = grants.setdefault(call.component, {})
            roles = of_callee.get(client.component, frozenset())
            of_callee[client.component] = roles | frozenset(call.roles)
    return grants


def _holders(
    estate: Estate, component: Component, signing: Signing
) -> Iterator[Holder]:
    holding: dict[
        str, set[str]
    ] = {}  # by scope, the provider's names of the groups that hold it
    provider = estate.provider_of(component)
    for role in component.roles:
        for scope in role.scopes if role.groups else ():
            holding.setdefault(scope, set()).update(map(provider.group, role.groups))
    for users in (False, True):
        for client, scopes in estate.held_at(component, users=users).items():
            carried = frozenset(scopes) & holding.keys() if users else frozenset(scopes)
            signing_in = signing.get((client, component.provider), frozenset())
            split = frozenset(
                scope
                for scope in carried
                if users and holding[scope].isdisjoint(signing_in)
            )
            if carried:
                yield Holder(client, users, carried, split)


Signing = Mapping[tuple[str, str], frozenset[str]]
"""By client and provider, the provider's names of the groups whose users sign in through it."""


def _signing_in(estate: Estate) -> Signing:
    return {
        (client.component, client.provider): frozenset(
            map(estate.stack.providers[client.provider].group, client.groups)
        )
        for client in estate.clients
        if client.user_facing
    }


def _paths_of(estate: Estate) -> Mapping[str, Paths]:
    return {
        host: tuple((endpoint.path, component.key) for endpoint, component in pairs)
        for host, pairs in estate.by_host.items()
    }


def subjects(
    applications: tuple[oam.Application, ...], estate: Estate, as_of: datetime.date
) -> Iterator[LintSubject]:
    """Yields a subject per component. `estate` is what `applications` compiled to."""
    # Of what is not here nobody can say that it does not ask.
    whole = with_absent_clients(estate)
    grants = grants_of(whole)
    paths = _paths_of(estate)
    doubtful = doubtful_groups(estate)
    signing = _signing_in(whole)
    for application in applications:
        siblings = tuple(
            estate.components[f"{application.name}/{part.name}"]
            for part in application.components
        )
        for part, component in zip(application.components, siblings, strict=True):
            hosts = {
                endpoint.host: paths[endpoint.host] for endpoint in component.endpoints
            }
            granted = grants.get(component.key, _NONE)
            groups = {
                group: doubtful[group]
                for group in component.groups
                if group in doubtful
            }
            holders = tuple(_holders(whole, component, signing))
            yield LintSubject(
                granted,
                holders,
                hosts,
                groups,
                as_of,
                application,
                part,
                component,
                siblings,
            )
