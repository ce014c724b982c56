"""Lists the role assignments that a stack makes in a tenant, and reads what clients are granted
from a state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kong_oam.access.model import Estate
from kong_oam.access.providers import Provider
from kong_oam.access.settings.stack import ProviderSettings
from kong_oam.engine.state import Resource
from kong_oam.identity.common.granted import Grant
from kong_oam.identity.common.parts import clients_at
from kong_oam.identity.entra.names import apis, role_id, role_of

PRINCIPAL = "azuread:index/servicePrincipal:ServicePrincipal"
ASSIGNMENT = "azuread:index/appRoleAssignment:AppRoleAssignment"
GRANT = "azuread:index/servicePrincipalDelegatedPermissionGrant:ServicePrincipalDelegatedPermissionGrant"
FEDERATED = "azuread:index/applicationFederatedIdentityCredential:ApplicationFederatedIdentityCredential"
PASSWORD = "azuread:index/applicationPassword:ApplicationPassword"  # noqa: S105 - a type

NO_ROLE = "00000000-0000-0000-0000-000000000000"
"""The role of whoever may sign in through an application that has no roles of its own."""


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
        """The component whose client it belongs to; None where it belongs to an API."""
        of_client = self.client or self.at
        return of_client.removeprefix("app-") if of_client.startswith("app-") else None


def distinct(provider: Provider, groups: Iterable[str]) -> list[str]:
    """Keeps the first of logical groups that are one in the tenant: Microsoft Graph refuses an
    assignment twice."""
    return sorted(
        {
            provider.group(group): group for group in sorted({*groups}, reverse=True)
        }.values()
    )


def assignments(settings: ProviderSettings, estate: Estate) -> Iterator[Assignment]:
    """Yields all role assignments of the stack."""
    prefix, stack, provider = (
        settings.name,
        estate.stack.name,
        estate.stack.providers[settings.name],
    )
    for key, component in apis(settings, estate, offered=True).items():
        for group in distinct(
            provider, (group for role in component.roles for group in role.groups)
        ):
            identifier = role_id(stack, key, provider.listed(group))
            yield Assignment(
                f"{prefix}-group-{key}:{group}",
                f"api-{key}",
                identifier,
                group=provider.group(group),
            )
    for client in clients_at(settings, estate):
        app = f"app-{client.component}"
        for group in distinct(provider, client.groups) if client.user_facing else ():
            logical = f"{prefix}-signs-in-{client.component}:{group}"
            yield Assignment(logical, app, NO_ROLE, group=provider.group(group))
        pairs = {
            (call.component, scope) for call in client.calls for scope in call.scopes
        }
        for api, scope in sorted(pairs) if not client.user_facing else ():
            logical = f"{_granting(prefix)}{client.component}:{api}:{scope}"
            yield Assignment(
                logical, f"api-{api}", role_id(stack, api, role_of(scope)), client=app
            )


def consent(provider: str, component: str, api: str) -> str:
    """Gives the logical name of the consent to what users ask for at an API through a client."""
    return f"{_granting(provider)}{component}:{api}"


def granted(provider: str, resources: Iterable[Resource]) -> Iterator[Grant]:
    """Yields what clients are granted by the resources of a state: services one scope by each,
    users all of an API."""
    for one in resources:
        if one.type in (ASSIGNMENT, GRANT) and one.name.startswith(_granting(provider)):
            component, api, *scope = one.name.removeprefix(_granting(provider)).split(
                ":", 2
            )
            yield Grant(
                component, tuple(scope or one.outputs.get("claimValues") or ()), api
            )


def _granting(provider: str) -> str:
    return f"{provider}-grant-"
