"""The names and ids of a stack's objects in a tenant of Entra, in one place.

The program chooses the ids of scopes and roles. They follow from names (UUIDv5), so every run gives
the same ids, also after the stack is made anew.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID, uuid5

from kong_oam.access.model import Component, Estate
from kong_oam.access.settings.values import ProviderSettings

# The client id of Microsoft Graph, in every tenant of every cloud. The scopes of a sign-in are its
# permissions.
MICROSOFT_GRAPH = "00000003-0000-0000-c000-000000000000"

APPLICATION = "azuread:index/application:Application"

# The prefix of a scope's application role in `roles`. The delegated permission has no prefix, so
# that the two have different values and ids.
#
# With the same value they would share one id, texts and state, and could not change. The official
# plugin disables a value before a change, in one of the two lists at a time. Microsoft Graph
# rejects a pair with differences (hashicorp/terraform-provider-azuread, issue 1177).
SCOPE_PREFIX = "scope="

_ISSUER = re.compile(
    r"(?P<login>https?://[^/]+)/(?P<tenant>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/v2\.0\Z"
)
_NAMESPACE = UUID("6a3d9b0e-6f0b-5c57-9d1f-0c3f2a1f7b52")


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant: where its users and clients sign in (without a trailing slash), and its id."""

    login: str
    id: str

    @property
    def token_endpoint(self) -> str:
        return f"{self.login}/{self.id}/oauth2/v2.0/token"


def tenant_of(issuer: str) -> Tenant | None:
    """Read the tenant of an issuer in the form of version 2 tokens; None for another form."""
    match = _ISSUER.match(issuer)
    return Tenant(match["login"], match["tenant"]) if match else None


def api_name(stack: str, component: str) -> str:
    """Return the display name of an API's application."""
    return f"kong-oam {stack} {component} API"


def client_name(stack: str, component: str) -> str:
    """Return the display name of a client's application."""
    return f"kong-oam {stack} {component}"


def client_resource(provider: str, component: str) -> tuple[str, str]:
    """Return the type and the logical name of a client's application."""
    return APPLICATION, f"{provider}-app-{component}"


def api_resource(provider: str, component: str) -> str:
    """Return the logical name of an API's application."""
    return f"{provider}-api-{component}"


def role_of(scope: str) -> str:
    """Return the value of a scope's application role for services."""
    return f"{SCOPE_PREFIX}{scope}"


def scope_id(stack: str, component: str, scope: str) -> str:
    """Derive the id of the delegated permission of a scope."""
    return _id("scope", stack, component, scope)


def role_id(stack: str, component: str, value: str) -> str:
    """Derive the id of the application role with this value."""
    return _id("role", stack, component, value)


def _id(*names: str) -> str:
    # No name has a line break, so different lists give different texts.
    return str(uuid5(_NAMESPACE, "\n".join(names)))


def apis(
    settings: ProviderSettings, estate: Estate, *, offered: bool = False
) -> dict[str, Component]:
    """Select the components that tokens can be for: components without scopes can grant nothing.

    `offered`: select only components whose applications this run makes.
    """
    components = estate.offering if offered else estate.components.values()
    provided = {}
    for component in components:
        if (
            component.identity.provider == settings.name
            and component.identity.scopes
        ):
            provided[component.key] = component
    return provided


def other_tenants(settings: ProviderSettings, estate: Estate) -> list[str]:
    """Name other providers of the stack that are tenants of the same Entra: they sign with the
    same keys."""
    login = tenant_in(settings).login
    others = []
    for name, provider in estate.stack.providers.items():
        tenant = tenant_of(provider.issuer or "")
        if name != settings.name and tenant and tenant.login == login:
            others.append(name)
    return others


def tenant_in(settings: ProviderSettings) -> Tenant:
    """Read the tenant of settings that `describe` has accepted."""
    tenant = tenant_of(settings.issuer or "")
    assert tenant is not None, "describe() has accepted the same settings"
    return tenant
