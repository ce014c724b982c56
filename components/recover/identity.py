"""Identity providers at which a creation was cut off: what there is of it, and its removal, alike for every kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Protocol

from access.stack import ProviderSettings
from components.identity import _entra_graph, _keycloak_realm, _okta_org
from components.identity._entra_names import tenant_of
from components.recover import entra, keycloak, okta
from components.recover.state import State, StateError

REFUSALS = (_okta_org.RefusedError, _keycloak_realm.RefusedError, _entra_graph.RefusedError)


class Object(Protocol):
    """What an interrupted creation may have made. `id` is the one that the state would know it by."""

    @property
    def id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Place:
    """A provider: what was found there, with the reason not to remove it or None, and what removes some of it."""

    name: str
    objects: Sequence[tuple[Object, str | None]]
    remove: Callable[[list[Any]], None]


def places_of(state: State, providers: Sequence[ProviderSettings], opened: ExitStack) -> Iterator[Place]:
    """The providers at which something was interrupted. Raises StateError, one of REFUSALS, httpx.HTTPError."""
    if okta.concerned(state):
        yield _okta(state, opened)
    for settings in providers:
        resource = f"{settings.name}-account"
        if settings.type == "keycloak" and keycloak.concerned(state, resource):
            yield _keycloak(state, settings, resource, opened)
        if settings.type == "entra" and entra.concerned(state, resource):
            yield _entra(state, settings, resource, opened)


def _okta(state: State, opened: ExitStack) -> Place:
    account = _okta_org.account()
    if account is None:
        raise StateError("creations at Okta were interrupted: set OKTA_ORG_NAME and OKTA_API_TOKEN to look for them")
    org = opened.enter_context(_okta_org.client(account))
    return Place("Okta", okta.made(org, state), lambda lost: okta.remove(org, lost))


def _keycloak(state: State, settings: ProviderSettings, resource: str, opened: ExitStack) -> Place:
    account = _keycloak_realm.account(settings.issuer or "")
    if account is None:
        variables = "KEYCLOAK_CLIENT_ID and KEYCLOAK_CLIENT_SECRET"
        raise StateError(f"creations at {settings.name} were interrupted: set {variables} to look for them")
    realm = opened.enter_context(_keycloak_realm.Realm(account))
    found = keycloak.made(realm, state, resource)
    return Place(f"Keycloak, {settings.issuer}", found, lambda lost: keycloak.remove(realm, lost))


def _entra(state: State, settings: ProviderSettings, resource: str, opened: ExitStack) -> Place:
    tenant = tenant_of(settings.issuer or "")
    account = _entra_graph.account(tenant) if tenant else None
    if account is None:
        variables = "ARM_CLIENT_ID and ARM_CLIENT_SECRET"
        raise StateError(f"creations at {settings.name} were interrupted: set {variables} to look for them")
    graph = opened.enter_context(_entra_graph.Graph(account))
    found = entra.made(graph, state, resource)
    return Place(f"Entra, {settings.issuer}", found, lambda lost: entra.remove(graph, lost))
