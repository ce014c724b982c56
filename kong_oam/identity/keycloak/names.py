"""The names of one stack's objects in a realm and in the state, for inspecting and for
provisioning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from kong_oam.access.data import Texts
from kong_oam.access.model import Client, Estate
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.engine.state import Resource
from kong_oam.identity.common.granted import Grant, listed
from kong_oam.identity.common.parts import clients_at, group_names, scopes_at

ROLE = "keycloak:index/role:Role"
SCOPE = "keycloak:openid/clientScope:ClientScope"
CLIENT = "keycloak:openid/client:Client"
GRANTED = "keycloak:openid/clientOptionalScopes:ClientOptionalScopes"
AUDIENCE = "keycloak:openid/audienceProtocolMapper:AudienceProtocolMapper"
GROUPS = (
    "keycloak:openid/userRealmRoleProtocolMapper:UserRealmRoleProtocolMapper"
)

# Scopes that come with every realm.
#
# Keycloak attaches the second anew with every change of a service client. Without it in this list
# every other refresh would find a difference.
SUBJECT = "basic"
SERVICE = "service_account"


@dataclass(frozen=True)
class Names:
    """The names of one stack at one realm. `roles`, `scopes` and `clients` are names in the realm,
    by the resource's logical name."""

    settings: ProviderSettings
    estate: Estate

    def in_realm(self, name: str) -> str:
        return in_realm(self.estate.stack.name, name)

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """The groups that roles name, by the provider's names."""
        return tuple(group_names(self.settings, self.estate))

    def role(self, group: str) -> str:
        return f"{self.settings.name}-role-{group}"

    def scope(self, name: str) -> str:
        """Return the logical name of a client scope: `groups`, `api-<scope>`, `for-<client>`."""
        return f"{self.settings.name}-scope-{name}"

    def client(self, component: str) -> str:
        return client_resource(self.settings.name, component)[1]

    @property
    def roles(self) -> Texts:
        return {self.role(group): group for group in self.groups}

    @property
    def scopes(self) -> Texts:
        scopes = {}
        if self.groups:
            scopes[self.scope("groups")] = self.in_realm("groups")
        for scope in scopes_at(self.settings, self.estate):
            scopes[self.scope(f"api-{scope}")] = scope
        for client in clients_at(self.settings, self.estate):
            if has_audience(client):
                key = client.component
                scopes[self.scope(f"for-{key}")] = self.in_realm(key)
        return scopes

    @property
    def clients(self) -> Texts:
        clients = {}
        for client in clients_at(self.settings, self.estate):
            key = client.component
            clients[self.client(key)] = self.in_realm(key)
        return clients


def has_audience(client: Client) -> bool:
    """Return whether a token of the client can be valid: a sign-in client needs groups."""
    return bool(client.groups) or not client.user_facing


def client_resource(provider: str, component: str) -> tuple[str, str]:
    """Return the type and the logical name of a component's client."""
    return CLIENT, f"{provider}-client-{component}"


def granted(provider: str, component: str) -> str:
    """Return the logical name of the scopes that a client may request."""
    return f"{provider}-granted-{component}"


def grants(provider: str, resources: Iterable[Resource]) -> Iterator[Grant]:
    """Yield the clients' grants by the resources of a state."""
    return listed(resources, GRANTED, granted(provider, ""), "optionalScopes")


def in_realm(stack: str, name: str) -> str:
    """Return a name in a realm, which others use, too. Component names have no dot, so the names
    are unambiguous."""
    return f"kong-oam.{stack}.{name.replace('/', '.')}"


def group_path(group: str) -> str:
    """Return the path of a group in a stack or an Application; without a slash it is at the top of
    the realm."""
    return group if group.startswith("/") else f"/{group}"
