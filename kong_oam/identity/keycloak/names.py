"""What one stack's objects in a realm are called, there and in the state: for those who look and who make."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from kong_oam.access.model import Estate
from kong_oam.access.settings.stack import ProviderSettings

ROLE = "keycloak:index/role:Role"
SCOPE = "keycloak:openid/clientScope:ClientScope"
CLIENT = "keycloak:openid/client:Client"
AUDIENCE = "keycloak:openid/audienceProtocolMapper:AudienceProtocolMapper"
GROUPS = "keycloak:openid/userRealmRoleProtocolMapper:UserRealmRoleProtocolMapper"

SUBJECT, SERVICE = "basic", "service_account"
"""Scopes that come with every realm. Keycloak attaches the second anew with every change of a client that calls as
itself, so it is listed, or every other refresh would find a difference."""


@dataclass(frozen=True, slots=True)
class Mapper:
    """A protocol mapper: its resource's type, the logical name of the client scope that it is in, and its own name."""

    type: str
    scope: str
    name: str


@dataclass(frozen=True)
class Names:
    """`roles`, `scopes` and `clients` are names in the realm, `mappers` those in client scopes: each by the resource's
    logical name."""

    settings: ProviderSettings
    estate: Estate

    def here(self, what: str) -> str:
        """A name in the realm, which others use as well. Component names have no dot: none reads like another."""
        return f"kong-oam.{self.estate.stack.name}.{what.replace('/', '.')}"

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """Those that roles name, as the provider calls them."""
        provider, name = self.estate.stack.providers[self.settings.name], self.settings.name
        guarded = (component for component in self.estate.components.values() if component.provider == name)
        return tuple(sorted({provider.group(one) for part in guarded for role in part.roles for one in role.groups}))

    def role(self, group: str) -> str:
        """The logical name of a group's role."""
        return f"{self.settings.name}-role-{group}"

    def scope(self, what: str) -> str:
        """The logical name of a client scope: `groups`, `api-<scope>`, `for-<client>`."""
        return f"{self.settings.name}-scope-{what}"

    def client(self, component: str) -> str:
        """The logical name of a component's client."""
        return f"{self.settings.name}-client-{component}"

    @property
    def roles(self) -> dict[str, str]:
        return {self.role(group): group for group in self.groups}

    @property
    def scopes(self) -> dict[str, str]:
        name = self.settings.name
        guarded = (component for component in self.estate.components.values() if component.provider == name)
        found = {self.scope("groups"): self.here("groups")} if self.groups else {}
        found |= {self.scope(f"api-{scope}"): scope for component in guarded for scope in component.scopes}
        counting = (one for one in self.estate.clients if one.provider == name and (one.groups or not one.user_facing))
        return found | {self.scope(f"for-{one.component}"): self.here(one.component) for one in counting}

    @property
    def mappers(self) -> dict[str, Mapper]:
        """Of the scopes that bring the groups, and the audience of each client."""
        prefix, scopes = self.settings.name, self.scopes
        found = {f"{prefix}-groups": Mapper(GROUPS, self.scope("groups"), "groups")}
        for client in self.estate.clients:
            mapper = Mapper(AUDIENCE, self.scope(f"for-{client.component}"), "audience")
            found[f"{prefix}-audience-{client.component}"] = mapper
        return {logical: mapper for logical, mapper in found.items() if mapper.scope in scopes}

    def asked(self, scope: str) -> tuple[str, ...]:
        """The roles of the realm that a client scope asks for (logical name): of whom it is, where it is not all."""
        if scope == self.scope("groups"):
            return self.groups
        provider = self.estate.stack.providers[self.settings.name]
        of_clients = {self.scope(f"for-{one.component}"): one.groups for one in self.estate.clients}
        return tuple(sorted({provider.group(group) for group in of_clients.get(scope, ())}))

    @property
    def clients(self) -> dict[str, str]:
        mine = (one.component for one in self.estate.clients if one.provider == self.settings.name)
        return {self.client(component): self.here(component) for component in mine}


def account_name(name: str) -> str:
    """The logical name of the resource that says who administers the realm."""
    return f"{name}-account"


def group_path(group: str) -> str:
    """The path of a group that a stack or an Application names; one without a slash is at the top of the realm."""
    return group if group.startswith("/") else f"/{group}"
