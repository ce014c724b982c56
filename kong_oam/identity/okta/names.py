"""The names of a stack's objects at Okta and in the state, in one place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import attrgetter

from kong_oam.access.data import JsonObject
from kong_oam.access.model import SIGN_IN_SCOPES, Client, Estate
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.engine.state import Resource
from kong_oam.identity.common.conflicts import Managed
from kong_oam.identity.common.granted import Grant, listed
from kong_oam.identity.common.parts import (
    all_clients_at,
    clients_at,
    groups_at,
    scopes_at,
)

SERVER = "okta:auth/server:Server"
SCOPE = "okta:auth/serverScope:ServerScope"
CLAIM = "okta:auth/serverClaim:ServerClaim"
POLICY = "okta:auth/serverPolicy:ServerPolicy"
RULE = "okta:auth/serverPolicyRule:ServerPolicyRule"
APP = "okta:app/oAuth:OAuth"
ASSIGNMENTS = "okta:index/appGroupAssignments:AppGroupAssignments"
ORIGIN = "okta:trustedorigin/origin:Origin"
ACCOUNT = "pulumi:providers:okta"
KEY = "tls:index/privateKey:PrivateKey"

GROUPS_CLAIM = "groups"


_WORDS = {
    ACCOUNT: "account",
    SERVER: "server",
    SCOPE: "scope",
    CLAIM: "groups",
    KEY: "key",
    APP: "app",
    ASSIGNMENTS: "groups",
    POLICY: "policy",
    RULE: "rule",
    ORIGIN: "origin",
}


def logical(provider: str, type_: str, name: str = "") -> str:
    """Return the logical name of a resource by its type: `okta-app-shop/web`.

    An object that exists once has no `name`: `okta-server`.
    """
    word = f"{provider}-{_WORDS[type_]}"
    return f"{word}-{name}" if name else word


def client_resource(provider: str, component: str) -> tuple[str, str]:
    """Return the type and the logical name of a client's app."""
    return APP, logical(provider, APP, component)


def server_name(stack: str) -> str:
    return f"kong-oam {stack}"


def app_label(stack: str, component: str) -> str:
    return f"kong-oam {stack} {component}"


def client_id(stack: str, component: str) -> str:
    """Return the client id of an app, chosen so that previews know it: `kong-oam.prod.shop.web`.

    Component names have one slash and no dot, so ids are unambiguous. Okta takes 6 to 100 letters,
    digits and `$-_.+!*'(),` (its API description, `credentials.oauthClient.client_id`), and 100 for
    a label, which is as long.
    """
    return f"kong-oam.{stack}.{component.replace('/', '.')}"


def client_id_of(app: JsonObject) -> str | None:
    """Read the client id of an app as Okta shows it; None if it is no OAuth client, such as a
    bookmark."""
    credentials = app.get("credentials") or {}
    client = credentials.get("oauthClient") or {}
    return client.get("client_id")


def origin_name(stack: str, origin: str, *, shared: bool) -> str:
    """Name a trusted origin: after its stack, or after none if stacks share it."""
    return f"kong-oam {origin}" if shared else f"kong-oam {stack} {origin}"


def origins(clients: Iterable[Client]) -> list[str]:
    """List the origins of pages that get tokens themselves. An origin may serve pages of several
    clients."""
    origins = set[str]()
    for client in clients:
        origins.update(client.origins)
    return sorted(origins)


def has_policy(client: Client) -> bool:
    """Return whether a client has a policy. A client without grants, or without groups to sign in,
    has none."""
    return bool(client.scopes) and (
        bool(client.groups) or not client.user_facing
    )


def scopes_of(client: Client) -> list[str]:
    """List the scopes of a client's rule: its grants, and the scopes to sign users in and keep them
    signed in."""
    scopes = [*client.scopes]
    if client.user_facing:
        scopes += SIGN_IN_SCOPES
        if client.refresh:
            scopes.append("offline_access")
    return scopes


def grants(provider: str, resources: Iterable[Resource]) -> Iterator[Grant]:
    """Yield clients' grants by the resources of a state: the scopes of their rules, including
    sign-in."""
    return listed(
        resources, RULE, f"{logical(provider, RULE)}-", "scopeWhitelists"
    )


def objects(settings: ProviderSettings, estate: Estate) -> Iterator[Managed]:
    """Yield all objects that the stack makes. An app's group assignments have its name."""
    stack = estate.stack.name
    provider = settings.name
    yield Managed(SERVER, logical(provider, SERVER), server_name(stack))
    for scope in scopes_at(settings, estate):
        yield Managed(SCOPE, logical(provider, SCOPE, scope), scope)
    if groups_at(settings, estate):
        yield Managed(CLAIM, logical(provider, CLAIM), GROUPS_CLAIM)
    clients = clients_at(settings, estate)
    for client in clients:
        label = app_label(stack, client.component)
        yield Managed(APP, logical(provider, APP, client.component), label)
        if client.groups:
            name = logical(provider, ASSIGNMENTS, client.component)
            yield Managed(ASSIGNMENTS, name, label)
    # The base of an estate trusts the origins of all clients; a partition trusts none.
    if estate.role != "partition":
        for origin in origins(all_clients_at(settings, estate)):
            yield Managed(ORIGIN, logical(provider, ORIGIN, origin), origin)
    for client in sorted(clients, key=attrgetter("component")):
        if has_policy(client):
            key = client.component
            yield Managed(POLICY, logical(provider, POLICY, key), key)
            yield Managed(RULE, logical(provider, RULE, key), key)
