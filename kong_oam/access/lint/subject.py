"""The input of a lint rule: one component, as it is written and as it was compiled, in its
estate."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import kong_oam.oam.application as oam
from kong_oam.access.absent import with_absent_clients
from kong_oam.access.lint.groups import doubtful_groups
from kong_oam.access.model import Component, Estate
from kong_oam.access.paths import PathSegments
from kong_oam.oam.document import Place

Grants = Mapping[str, frozenset[str]]
"""Of each client of a component, as application/component, the names of the roles that grant what
it asks for."""
_NONE: Grants = {}


@dataclass(frozen=True, slots=True)
class Holder:
    """A client of a component, as application/component, with those of its scopes that its tokens
    can carry together: of one that signs `users` in, those that a group holds, too.

    `split` are those of these scopes that no group gives to its users through this client: the
    groups by which they sign in through it are all others than the groups that hold the scope.
    """

    client: str
    users: bool
    scopes: frozenset[str]
    split: frozenset[str] = frozenset()


Paths = tuple[tuple[PathSegments, str], ...]
"""The gateway paths of one host, each with the component, as application/component, that it leads
to."""


@dataclass(frozen=True, slots=True)
class LintSubject:
    """One component under lint, and all of its estate that a rule may look at: the `grants` to its
    clients, its `holders`, of the `hosts` that it is on their paths, and of its groups the
    `doubtful_groups`, each with the one that may be meant. `as_of` is the stack's day: whether a
    date has passed is configuration, too.
    """

    grants: Grants
    holders: tuple[Holder, ...]
    hosts: Mapping[str, Paths]
    doubtful_groups: Mapping[str, str]
    as_of: datetime.date
    application: oam.Application
    part: oam.Component
    component: Component
    siblings: tuple[Component, ...]
    """All components of the application."""

    @property
    def key(self) -> str:
        return self.component.key

    @property
    def access(self) -> Mapping[str, Any]:
        """The access trait's properties; empty where there is no such trait."""
        trait = self.part.trait("access")
        return trait.properties if trait else {}

    def place(self, *path: str | int) -> Place:
        """A place in the access trait, or the component where it has none."""
        trait = self.part.trait("access")
        return trait.place.at("properties", *path) if trait else self.part.place


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
    grants, paths, doubtful = (
        grants_of(whole),
        _paths_of(estate),
        doubtful_groups(estate),
    )
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
