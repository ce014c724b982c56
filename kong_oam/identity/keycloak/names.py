"""The names of one stack's objects in a realm, there and in the state: for inspecting and for provisioning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from kong_oam.access.model import Estate
from kong_oam.access.settings.stack import ProviderSettings
from kong_oam.engine.state import Resource
from kong_oam.identity.common.granted import Grant, listed

ROLE = "keycloak:index/role:Role"
SCOPE = "keycloak:openid/clientScope:ClientScope"
CLIENT = "keycloak:openid/client:Client"
GRANTED = "keycloak:openid/clientOptionalScopes:ClientOptionalScopes"
AUDIENCE = "keycloak:openid/audienceProtocolMapper:AudienceProtocolMapper"
GROUPS = "keycloak:openid/userRealmRoleProtocolMapper:UserRealmRoleProtocolMapper"

SUBJECT, SERVICE = "basic", "service_account"
"""Scopes that come with every realm. Keycloak attaches the second anew with every change of a client that calls as
itself, so it is listed, or every other refresh would find a difference."""


@dataclass(frozen=True)
class Names:
    """The names of one stack at one realm. `roles`, `scopes` and `clients` are names in the realm, by the resource's
    logical name."""

    settings: ProviderSettings
    estate: Estate

    def in_realm(self, what: str) -> str:
        """Gives a name in the realm."""
        return in_realm(self.estate.stack.name, what)

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """The groups that roles name, as the provider calls them."""
        provider, name = self.estate.stack.providers[self.settings.name], self.settings.name
        guarded = (component for component in self.estate.offering if component.provider == name)
        named = {group for component in guarded for role in component.roles for group in role.groups}
        return tuple(sorted({provider.group(group) for group in named}))

    def role(self, group: str) -> str:
        """Gives the logical name of a group's role."""
        return f"{self.settings.name}-role-{group}"

    def scope(self, what: str) -> str:
        """Gives the logical name of a client scope: `groups`, `api-<scope>`, `for-<client>`."""
        return f"{self.settings.name}-scope-{what}"

    def client(self, component: str) -> str:
        """Gives the logical name of a component's client."""
        return client_resource(self.settings.name, component)[1]

    @property
    def roles(self) -> dict[str, str]:
        return {self.role(group): group for group in self.groups}

    @property
    def scopes(self) -> dict[str, str]:
        name = self.settings.name
        guarded = (component for component in self.estate.offering if component.provider == name)
        scopes = {self.scope("groups"): self.in_realm("groups")} if self.groups else {}
        scopes |= {self.scope(f"api-{scope}"): scope for component in guarded for scope in component.scopes}
        clients = (client for client in self.estate.own_clients if client.provider == name)
        counting = [client.component for client in clients if client.groups or not client.user_facing]
        return scopes | {self.scope(f"for-{component}"): self.in_realm(component) for component in counting}

    @property
    def clients(self) -> dict[str, str]:
        components = (client.component for client in self.estate.own_clients if client.provider == self.settings.name)
        return {self.client(component): self.in_realm(component) for component in components}


def client_resource(provider: str, component: str) -> tuple[str, str]:
    """Gives the type and the logical name of a component's client."""
    return CLIENT, f"{provider}-client-{component}"


def granted(provider: str, component: str) -> str:
    """Gives the logical name of the scopes that a client may ask for."""
    return f"{provider}-granted-{component}"


def grants(provider: str, resources: Iterable[Resource]) -> Iterator[Grant]:
    """Yields what clients are granted by the resources of a state."""
    return listed(resources, GRANTED, granted(provider, ""), "optionalScopes")


def in_realm(stack: str, what: str) -> str:
    """Gives a name in a realm, which others use, too. Component names have no dot: none reads like another."""
    return f"kong-oam.{stack}.{what.replace('/', '.')}"


def account_name(name: str) -> str:
    """Gives the logical name of the resource that says who administers the realm."""
    return f"{name}-account"


def group_path(group: str) -> str:
    """Gives the path of a group that a stack or an Application names; without a slash it is at the top of the realm."""
    return group if group.startswith("/") else f"/{group}"
