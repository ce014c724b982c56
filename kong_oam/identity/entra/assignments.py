"""Lists the role assignments that a stack makes in a tenant, and reads clients' grants from a
state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kong_oam.access.data import NameLists, NameSets
from kong_oam.access.model import Client, Estate
from kong_oam.access.providers import Provider
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.engine.state import Resource
from kong_oam.identity.common.granted import Grant
from kong_oam.identity.common.parts import clients_at, groups_of
from kong_oam.identity.entra.names import apis, role_id, role_of

PRINCIPAL = "azuread:index/servicePrincipal:ServicePrincipal"
ASSIGNMENT = "azuread:index/appRoleAssignment:AppRoleAssignment"
GRANT = (
    "azuread:index/servicePrincipalDelegatedPermissionGrant:"
    "ServicePrincipalDelegatedPermissionGrant"
)
FEDERATED = (
    "azuread:index/applicationFederatedIdentityCredential:"
    "ApplicationFederatedIdentityCredential"
)
PASSWORD = "azuread:index/applicationPassword:ApplicationPassword"  # noqa: S105 - a type

# The role of users who may sign in through an application without roles.
NO_ROLE = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Assignment:
    """The assignment of a role of an application. `at` is the application; the holder is either
    `group` (the provider's name) or `client`. Applications are given by the part of their logical
    name behind the provider's."""

    logical: str
    at: str
    role: str
    group: str | None = None
    client: str | None = None

    @property
    def component(self) -> str | None:
        """The component whose client it belongs to; None for an API's."""
        of_client = self.client or self.at
        return (
            of_client.removeprefix("app-")
            if of_client.startswith("app-")
            else None
        )


def distinct(provider: Provider, groups: Iterable[str]) -> list[str]:
    """Return one logical group for each group of the tenant: Microsoft Graph rejects a second
    assignment."""
    first: dict[str, str] = {}
    for group in sorted({*groups}):
        first.setdefault(provider.group(group), group)
    return sorted(first.values())


def assignments(
    settings: ProviderSettings, estate: Estate
) -> Iterator[Assignment]:
    """Yield all role assignments of the stack."""
    prefix = settings.name
    stack = estate.stack.name
    provider = estate.stack.providers[prefix]
    for key, component in apis(settings, estate, offered=True).items():
        for group in distinct(provider, groups_of(component)):
            yield Assignment(
                f"{prefix}-group-{key}:{group}",
                f"api-{key}",
                role_id(stack, key, provider.listed(group)),
                group=provider.group(group),
            )
    for client in clients_at(settings, estate):
        if client.user_facing:
            yield from _group_assignments(prefix, client, provider)
        else:
            yield from _service_assignments(prefix, client, stack)


def _group_assignments(
    prefix: str, client: Client, provider: Provider
) -> Iterator[Assignment]:
    """Yield the assignments of groups whose members sign in through a client."""
    key = client.component
    for group in distinct(provider, client.groups):
        yield Assignment(
            f"{prefix}-signs-in-{key}:{group}",
            f"app-{key}",
            NO_ROLE,
            group=provider.group(group),
        )


def _service_assignments(
    prefix: str, client: Client, stack: str
) -> Iterator[Assignment]:
    """Yield the assignments of a service, for each scope that it is granted at an API."""
    key = client.component
    for api, scopes in granted_scopes(client).items():
        for scope in scopes:
            yield Assignment(
                f"{_granting(prefix)}{key}:{api}:{scope}",
                f"api-{api}",
                role_id(stack, api, role_of(scope)),
                client=f"app-{key}",
            )


def granted_scopes(client: Client) -> NameLists:
    """Return a client's granted scopes, by API."""
    granted: NameSets = {}
    for call in client.calls:
        granted.setdefault(call.component, set()).update(call.scopes)
    return {api: sorted(scopes) for api, scopes in sorted(granted.items())}


def consent(provider: str, component: str, api: str) -> str:
    """Return the logical name of the consent to users' scopes at an API through a client."""
    return f"{_granting(provider)}{component}:{api}"


def granted(provider: str, resources: Iterable[Resource]) -> Iterator[Grant]:
    """Yield clients' grants by the resources of a state: a scope per assignment for services, all
    scopes of an API per consent for users."""
    begin = _granting(provider)
    for resource in resources:
        is_grant = resource.type in (ASSIGNMENT, GRANT)
        if is_grant and resource.name.startswith(begin):
            component, api, *scope = resource.name.removeprefix(begin).split(
                ":", 2
            )
            scopes = scope or resource.outputs.get("claimValues") or ()
            yield Grant(component, tuple(scopes), api)


def _granting(provider: str) -> str:
    return f"{provider}-grant-"
