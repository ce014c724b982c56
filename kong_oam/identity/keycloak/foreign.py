"""Finds foreign uses and changes of a realm's client, client scope or role.

Sources: Keycloak's Admin REST API 26.7; the attributes are the official plugin's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from urllib.parse import quote

from kong_oam.http.management import Row
from kong_oam.identity.common.orphans import Doubts
from kong_oam.identity.keycloak.api import Realm
from kong_oam.identity.keycloak.names import AUDIENCE, GROUPS

PROTOCOL = "openid-connect"

# Attributes of a client that its resource sets.
_CLIENT_ATTRIBUTES = frozenset(
    (
        "access.token.lifespan",
        "backchannel.logout.revoke.offline.tokens",
        "backchannel.logout.session.required",
        "backchannel.logout.url",
        "client.offline.session.idle.timeout",
        "client.offline.session.max.lifespan",
        "client.session.idle.timeout",
        "client.session.max.lifespan",
        "client_credentials.use_refresh_token",
        "consent.screen.text",
        "display.on.consent.screen",
        "dpop.bound.access.tokens",
        "exclude.issuer.from.auth.response",
        "exclude.session.state.from.auth.response",
        "frontchannel.logout.url",
        "login_theme",
        "oauth2.device.authorization.grant.enabled",
        "oauth2.device.code.lifespan",
        "oauth2.device.polling.interval",
        "oauth2.jwt.authorization.grant.enabled",
        "oauth2.jwt.authorization.grant.idp",
        "pkce.code.challenge.method",
        "post.logout.redirect.uris",
        "standard.token.exchange.enableRefreshRequestedTokenType",
        "standard.token.exchange.enabled",
        "use.refresh.tokens",
        "use.jwks.string",
        "use.jwks.url",
        "jwks.string",
        "jwks.url",
        "token.endpoint.auth.signing.alg",
        # Keycloak's own
        "client.secret.creation.time",
        "realm_client",
    )
)

_SCOPE_ATTRIBUTES = frozenset(
    (
        "consent.screen.text",
        "display.on.consent.screen",
        "gui.order",
        "include.in.openid.provider.metadata",
        "include.in.token.scope",
    )
)
# By the type of a mapper's resource: its kind of protocol mapper, and its settings.
MAPPERS = {
    AUDIENCE: (
        "oidc-audience-mapper",
        frozenset(
            (
                "access.token.claim",
                "id.token.claim",
                "included.client.audience",
                "included.custom.audience",
                "introspection.token.claim",
            )
        ),
    ),
    GROUPS: (
        "oidc-usermodel-realm-role-mapper",
        frozenset(
            (
                "access.token.claim",
                "claim.name",
                "id.token.claim",
                "introspection.token.claim",
                "jsonType.label",
                "multivalued",
                "userinfo.token.claim",
                "usermodel.realmRoleMapping.rolePrefix",
            )
        ),
    ),
}


def of_client(realm: Realm, client: Row) -> Doubts:
    """Find foreign users of a client, and foreign changes. Raises ManagementApiError."""
    path = f"/clients/{client['id']}"
    yield from _additions(client, _CLIENT_ATTRIBUTES)
    flows = client.get("authenticationFlowBindingOverrides") or {}
    yield from (
        f"authentication flow override for '{name}'"
        for name, flow in sorted(flows.items())
        if flow
    )
    yield from (
        f"{role} in its scope"
        for role in _roles(realm.row(f"{path}/scope-mappings"))
    )
    if client.get("serviceAccountsEnabled"):
        user = realm.row(f"{path}/service-account-user")["id"]
        of_everybody = f"role 'default-roles-{realm.name.lower()}'"
        for role in _roles(realm.row(f"/users/{user}/role-mappings")):
            if role != of_everybody:
                yield f"{role} of its service account"
        yield from (
            f"its service account in group '{group['path']}'"
            for group in realm.rows(f"/users/{user}/groups")
        )
    counts = (
        realm.row(f"{path}/{kind}-count")["count"]
        for kind in ("session", "offline-session")
    )
    sessions = sum(map(int, counts))
    if sessions:
        yield f"{sessions} session(s) of users"


def of_scope(realm: Realm, scope: Row) -> Doubts:
    """Find foreign users and foreign parts of a client scope. Raises ManagementApiError."""
    name = scope["name"]
    yield from _additions(scope, _SCOPE_ATTRIBUTES)
    for role in _roles(
        realm.row(f"/client-scopes/{scope['id']}/scope-mappings")
    ):
        yield f"{role} in its role scope mappings"
    for client in realm.pages("/clients"):
        attached = (
            *(client.get("defaultClientScopes") or ()),
            *(client.get("optionalClientScopes") or ()),
        )
        if name in attached:
            yield f"client '{client['clientId']}' with the scope"
    for kind in ("default", "optional"):
        if any(
            default["name"] == name
            for default in realm.rows(f"/default-{kind}-client-scopes")
        ):
            yield "the realm's default client scopes"


def of_role(realm: Realm, role: Row) -> Doubts:
    """Find foreign holders of a role, and foreign additions to it. Raises ManagementApiError.

    Other roles may include it, directly or through further roles: every path ends in a role that
    includes it directly. All roles are read, with a request for each client of the realm. A scope
    whose only role this is would be everybody's without it.
    """
    path = f"/roles-by-id/{role['id']}"
    if role.get("composite"):
        yield from (
            f"role '{part['name']}' inside it"
            for part in realm.rows(f"{path}/composites")
        )
    by_name = f"/roles/{quote(role['name'], safe='')}"
    yield from (
        f"user '{user['username']}' with the role"
        for user in realm.pages(f"{by_name}/users")
    )
    yield from (
        f"group '{group['path']}' with the role"
        for group in realm.pages(f"{by_name}/groups")
    )
    for composite in _composites(realm):
        if any(
            part["id"] == role["id"]
            for part in realm.rows(
                f"/roles-by-id/{composite['id']}/composites/realm"
            )
        ):
            yield f"role '{composite['name']}' that includes it"
    for scope in realm.rows("/client-scopes"):
        mapped = (
            realm.row(f"/client-scopes/{scope['id']}/scope-mappings").get(
                "realmMappings"
            )
            or ()
        )
        if any(row["id"] == role["id"] for row in mapped):
            yield f"client scope '{scope['name']}' that requires it"


def of_mapper(mapper: Row, resource: str) -> Doubts:
    """Find settings of a mapper that its resource, of this type, would not have made."""
    kind, expected = MAPPERS[resource]
    if mapper["protocolMapper"] != kind:
        yield f"mapper of kind {mapper['protocolMapper']}"
        return
    for name in _unexpected(mapper.get("config"), expected):
        yield f"setting '{name}' of protocol mapper '{mapper['name']}'"


def _additions(row: Row, expected: Collection[str]) -> Doubts:
    """Find additions to a client or a scope: another protocol, protocol mappers, attributes."""
    if row.get("protocol", PROTOCOL) != PROTOCOL:
        yield f"protocol '{row['protocol']}'"
    for mapper in row.get("protocolMappers") or ():
        yield f"protocol mapper '{mapper['name']}'"
    for name in _unexpected(row.get("attributes"), expected):
        yield f"attribute '{name}'"


def _unexpected(values: Row | None, expected: Collection[str]) -> Doubts:
    for name, value in sorted((values or {}).items()):
        if name not in expected and value not in ("", "false", None):
            yield name


def _roles(mappings: Row) -> Doubts:
    """Name the roles of the realm and of clients that are mapped."""
    yield from (
        f"role '{role['name']}'" for role in mappings.get("realmMappings") or ()
    )
    of_clients = mappings.get("clientMappings") or {}
    for client, roles in of_clients.items():
        yield from (
            f"role '{role['name']}' of client '{client}'"
            for role in roles["mappings"]
        )


def _composites(realm: Realm) -> Iterator[Row]:
    """Yield all roles of the realm and of its clients that include other roles."""
    yield from (role for role in realm.pages("/roles") if role["composite"])
    for client in realm.pages("/clients"):
        yield from (
            role
            for role in realm.rows(f"/clients/{client['id']}/roles")
            if role["composite"]
        )
