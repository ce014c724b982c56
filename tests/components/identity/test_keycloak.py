"""Keycloak: its tokens, the objects that the program makes in a realm and their order, and the
findings before a run."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from components.credentials import Rotation
from components.identity.keycloak import _key_attributes
from components.settings import configuration
from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.settings.stack import parse
from kong_oam.access.settings.values import StackError
from kong_oam.access.tokens import Claims, Key, KeyRing, Refusal, authenticate
from kong_oam.engine.state import RecordedNames
from kong_oam.identity.common.errors import InspectionError
from kong_oam.identity.keycloak.names import CLIENT, ROLE, SCOPE, Names
from kong_oam.identity.kinds import describe, inspect
from kong_oam.oam.application import read_files
from sandbox.kong import Kong
from tests.support.estates import estate
from tests.support.json_object import JsonObject
from tests.support.mocks import Registered, all_of, clear, run_program
from tests.support.provider_settings import (
    KEYCLOAK,
    KEYCLOAK_ISSUER,
    keycloak,
    uninspected,
)
from tests.support.repository import ROOT

TOKENS = ROOT.parent / "shared" / "data" / "keycloak" / "tokens.json"
ROLE_OF_SCOPE = "keycloak:index/genericRoleMapper:GenericRoleMapper"


# Tokens of a real Keycloak 26.7.3, signed anew


KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def read(payload: JsonObject) -> Claims | Refusal:
    """The claims of a token with this payload, a second after its issue."""
    provider = keycloak().stack.providers["kc"]
    text = f"{_encoded(json.dumps({'alg': 'RS256', 'kid': 'k'}).encode())}.{_encoded(json.dumps(payload).encode())}"
    token = f"{text}.{_encoded(KEY.sign(text.encode(), padding.PKCS1v15(), SHA256()))}"
    ring = KeyRing(
        provider,
        KEYCLOAK_ISSUER,
        {"k": Key("k", KEY.public_key())},
        clients={"web": "shop/web", "batch": "shop/batch"},
    )
    return authenticate(token, ring, payload["iat"] + 1)


def recorded(name: str, kind: str = "access_token") -> JsonObject:
    if not TOKENS.exists():
        pytest.skip(f"{TOKENS.name} is not beside this checkout")
    payload: JsonObject = json.loads(TOKENS.read_text())["tokens"][name][kind][
        "payload"
    ]
    return payload


def test_a_users_token_is_one_with_a_session() -> None:
    """`azp` is the client, `scope` one string of words; groups are a list."""
    assert read(recorded("auth_code_web_alice")) == Claims(
        "kc",
        "shop/web",
        "a0ca2f5e-e8e7-42a9-89e2-64601cdb3285",
        True,
        ("openid", "orders.write", "email", "profile", "orders.read"),
        ("orders-writers",),
    )


def test_a_services_token_says_whose_it_is() -> None:
    """By `client_id`, which the scope service_account brings; without that scope it is nobody's."""
    payload = recorded(
        "client_credentials_with_service_account_and_roles_scopes"
    )
    own = {**payload, "aud": [*payload["aud"], KEYCLOAK["audience"]]}
    claims = read(own)
    assert isinstance(claims, Claims)
    assert (claims.client, claims.user, claims.scopes) == (
        "shop/batch",
        False,
        ("orders.read",),
    )
    assert read(recorded("client_credentials_client_secret")) == Refusal(
        "neither a user's token nor the client's own"
    )


def test_id_and_refresh_tokens_are_no_access_tokens() -> None:
    """Even for our audience: `typ` gives the type of a token."""
    for kind in ("id_token", "refresh_token"):
        payload = {
            **recorded("auth_code_web_alice", kind),
            "aud": KEYCLOAK["audience"],
        }
        assert read(payload) == Refusal("not an access token: claim 'typ'")


def test_an_issuer_is_a_realm() -> None:
    """Its address ends in the realm's name."""
    assert keycloak().stack.providers["kc"].issuer == KEYCLOAK_ISSUER
    for odd in (
        "https://kc.example.com",
        "https://kc.example.com/realms/",
        "https://kc.example.com/realms/a/b",
    ):
        with pytest.raises(StackError, match="does not end in /realms/<realm>"):
            keycloak(issuer=odd)
    with pytest.raises(StackError, match="is not https"):
        keycloak(issuer="http://kc.example.com/realms/acme")
    with pytest.raises(StackError, match="needs 'issuer'"):
        keycloak(issuer=None)


def test_a_client_may_sign_with_any_of_its_keys() -> None:
    """Each key names its algorithm, and Keycloak gets it."""
    keys = [{"kty": "EC", "kid": kid, "crv": "P-256"} for kid in "ab"]
    assert _key_attributes(keys) == {
        "use.jwks.string": "true",
        "jwks.string": json.dumps(
            {"keys": [{**key, "use": "sig", "alg": "ES256"} for key in keys]},
            sort_keys=True,
        ),
        "token.endpoint.auth.signing.alg": "ES256",
    }


# Objects that the program makes in a realm


@pytest.fixture(scope="module")
def registered() -> list[Registered]:
    """The sample estate, guarded by Keycloak."""
    with Kong() as kong, pytest.MonkeyPatch.context() as patch:
        patch.setenv("KONG_ADMIN_ADDR", kong.admin_url)
        patch.setenv("KEYCLOAK_CLIENT_ID", "kong-oam")
        patch.setenv("KEYCLOAK_CLIENT_SECRET", "the account's secret")
        uninspected(patch, "keycloak")
        return run_program(patch, [KEYCLOAK])


def named(registered: list[Registered], kind: str) -> dict[str, Registered]:
    return all_of(registered, f"keycloak:{kind}")


def test_a_client_may_ask_for_what_roles_grant_and_nothing_else(
    registered: list[Registered],
) -> None:
    """All of it optional; what is in every token brings subject, audience and groups, never a scope."""
    granted = {
        name.removeprefix("kc-granted-"): set(resource.inputs["optionalScopes"])
        for name, resource in named(
            registered, "openid/clientOptionalScopes:ClientOptionalScopes"
        ).items()
    }
    assert granted == {
        "desk/bot": {"tickets.read", "tickets.use"},
        "shop/checkout": {"orders.read"},
        "shop/web": {"orders.read", "orders.write"},
        "reports/renderer": {"reports.audit", "reports.read"},
        "reports/console": {"reports.publish", "reports.read"},
    }
    always = named(registered, "openid/clientDefaultScopes:ClientDefaultScopes")
    assert always["kc-always-shop/web"].inputs["defaultScopes"] == [
        "basic",
        "kong-oam.local.groups",
        "kong-oam.local.shop.web",
    ]
    assert always["kc-always-shop/checkout"].inputs["defaultScopes"] == [
        "basic",
        "service_account",
        "kong-oam.local.shop.checkout",
    ]
    listed = {
        scope.inputs["name"]: scope.inputs["includeInTokenScope"]
        for scope in named(
            registered, "openid/clientScope:ClientScope"
        ).values()
    }
    assert {
        name for name, is_in_tokens in listed.items() if not is_in_tokens
    } == {
        "kong-oam.local.groups",
        *(
            f"kong-oam.local.{key}"
            for key in (
                "desk.bot",
                "shop.web",
                "shop.checkout",
                "reports.console",
                "reports.renderer",
            )
        ),
    }
    assert listed["orders.read"] is True


def test_a_users_audience_asks_for_a_group_before_it_is_there(
    registered: list[Registered],
) -> None:
    """A scope without a role is everybody's: roles first, then the audience, then its client.

    An existing client may have been a service until now, with its audience.
    """
    audiences = named(
        registered, "openid/audienceProtocolMapper:AudienceProtocolMapper"
    )
    mappers = named(registered, "index/genericRoleMapper:GenericRoleMapper")
    always = named(registered, "openid/clientDefaultScopes:ClientDefaultScopes")
    clients = named(registered, "openid/client:Client")
    assert {name for name in mappers if name.startswith("kc-of-shop/web-")} == {
        "kc-of-shop/web-order-desk",
        "kc-of-shop/web-sales",
    }
    for client in ("shop/web", "reports/console"):
        mapper_names = {
            name for name in mappers if name.startswith(f"kc-of-{client}-")
        }
        assert (
            mapper_names
            and mapper_names <= audiences[f"kc-audience-{client}"].after
        )
        assert {*mapper_names, f"kc-audience-{client}"} <= clients[
            f"kc-client-{client}"
        ].after
        assert f"kc-client-{client}" in always[f"kc-always-{client}"].after
    assert not [
        name for name in mappers if "checkout" in name or "renderer" in name
    ]
    for audience in audiences.values():
        assert audience.inputs["includedCustomAudience"] == KEYCLOAK["audience"]
        assert (
            audience.inputs["addToAccessToken"],
            audience.inputs["addToIdToken"],
        ) == (
            True,
            False,
        )


def test_groups_are_those_that_applications_name(
    registered: list[Registered],
) -> None:
    """By path; each holds a role, others' roles in it are left alone, and tokens list these roles only."""
    members = named(registered, "index/groupRoles:GroupRoles")
    assert {
        name: (membership.inputs["groupId"], membership.inputs["exhaustive"])
        for name, membership in members.items()
    } == {
        "kc-members-order-desk": ("id of order-desk", False),
        "kc-members-sales": ("id of sales", False),
    }
    (groups,) = named(
        registered,
        "openid/userRealmRoleProtocolMapper:UserRealmRoleProtocolMapper",
    ).values()
    assert (groups.inputs["claimName"], groups.inputs["multivalued"]) == (
        "groups",
        True,
    )
    assert {
        name for name in groups.after if name.startswith("kc-of-groups-")
    } == {
        "kc-of-groups-order-desk",
        "kc-of-groups-sales",
    }


def test_names_that_are_looked_for_are_those_that_are_made(
    registered: list[Registered],
) -> None:
    """In the realm and in the state: `inspect` and `provision` speak of the same objects."""
    compiled = compile_estate(
        read_files([ROOT / "applications"]),
        parse("local", _local(), describe).stack,
    )
    assert compiled.estate is not None
    names = Names(
        parse("local", _local(), describe).providers[0], compiled.estate
    )
    for kind, called, expected in (
        (ROLE, "name", names.roles),
        (SCOPE, "name", names.scopes),
        (CLIENT, "clientId", names.clients),
    ):
        assert {
            resource.name: resource.inputs[called]
            for resource in all_of(registered, kind).values()
        } == expected


def _local() -> JsonObject:
    """The stack `local`, with Keycloak."""
    config = yaml.safe_load((ROOT / "stacks/Pulumi.local.yaml").read_text())[
        "config"
    ]
    attributes = {
        name.removeprefix("kong-oam:"): value
        for name, value in config.items()
        if name.startswith("kong-oam:")
    }
    return {**attributes, "identityProviders": [KEYCLOAK]}


def test_clients_can_do_no_more_than_their_kind(
    registered: list[Registered],
) -> None:
    """No implicit and no password grant, no roles of others, PKCE for users; the secret is marked."""
    clients = named(registered, "openid/client:Client")
    for client in clients.values():
        off = (
            *(
                "implicitFlowEnabled",
                "directAccessGrantsEnabled",
                "fullScopeAllowed",
                "standardTokenExchangeEnabled",
            ),
            *(
                "oauth2DeviceAuthorizationGrantEnabled",
                "useRefreshTokensClientCredentials",
                "consentRequired",
            ),
        )
        assert [name for name in off if client.inputs[name] is not False] == []
        public = client.name == "kc-client-reports/console"
        assert (client.inputs["enabled"], client.inputs["accessType"]) == (
            True,
            "PUBLIC" if public else "CONFIDENTIAL",
        )
        assert (
            "clientSecret" in client.secret_outputs
            and "clientSecret" not in client.inputs
        )
    web, service = (
        clients["kc-client-shop/web"].inputs,
        clients["kc-client-shop/checkout"].inputs,
    )
    assert (
        web["standardFlowEnabled"],
        web["serviceAccountsEnabled"],
        web["pkceCodeChallengeMethod"],
    ) == (
        True,
        False,
        "S256",
    )
    assert (
        service["standardFlowEnabled"],
        service["serviceAccountsEnabled"],
    ) == (
        False,
        True,
    )
    assert web["validRedirectUris"] == ["http://shop.example.com/callback"]
    assert (
        clients["kc-client-reports/console"].inputs["useRefreshTokens"] is True
    )
    assert web["useRefreshTokens"] is False
    assert web["accessTokenLifespan"] == "3600"
    assert (
        web["clientAuthenticatorType"]
        == service["clientAuthenticatorType"]
        == "client-jwt"
    )
    extra = service["extraConfig"]
    assert (
        extra["use.jwks.string"],
        extra["token.endpoint.auth.signing.alg"],
    ) == (
        "true",
        "ES256",
    )
    (key,) = json.loads(extra["jwks.string"])["keys"]
    assert {"kty", "kid", "crv", "x", "y", "use", "alg"} == key.keys()
    assert (key["use"], key["alg"]) == ("sig", "ES256")
    data = clear(
        all_of(registered, "kubernetes:core/v1:Secret")["shop/checkout-client"]
    )
    assert data["OAUTH_KEY_ALGORITHM"] == "ES256"
    (account,) = all_of(registered, "pulumi:providers:keycloak").values()
    assert "clientSecret" in account.secret
    assert (account.inputs["url"], account.inputs["realm"]) == (
        "http://127.0.0.1:8180",
        "acme",
    )


def test_a_secret_is_shared_only_where_the_stack_says_so(
    registered: list[Registered],
) -> None:
    """No key is made then; the secret that Keycloak made up is in the workload's Secret, and recorded as shared."""
    assert all_of(registered, "tls:index/privateKey:PrivateKey")
    shared: list[str] = []
    with Kong() as kong, pytest.MonkeyPatch.context() as patch:
        patch.setenv("KONG_ADMIN_ADDR", kong.admin_url)
        patch.setenv("KEYCLOAK_CLIENT_ID", "kong-oam")
        patch.setenv("KEYCLOAK_CLIENT_SECRET", "the account's secret")
        uninspected(patch, "keycloak")
        patch.setattr(
            Rotation,
            "shared_secret",
            lambda self, client, holder, resource: shared.append(resource),
        )
        made = run_program(patch, [{**KEYCLOAK, "clientSecrets": True}])
    assert not [
        resource for resource in made if resource.type.startswith("tls:")
    ]
    clients = named(made, "openid/client:Client")
    assert {
        client.inputs["clientAuthenticatorType"] for client in clients.values()
    } == {"client-secret"}
    data = clear(
        all_of(made, "kubernetes:core/v1:Secret")["shop/checkout-client"]
    )
    assert (
        data["OAUTH_CLIENT_SECRET"] == "secret of kc-client-shop/checkout"
        and "OAUTH_PRIVATE_KEY" not in data
    )
    assert sorted(shared) == sorted(
        set(clients) - {"kc-client-reports/console"}
    ), "pages keep no secret"


# Findings before a run


class Server:
    """A server's Admin API on loopback, for its answers of refusal. `answers` by path; `asked` are the paths."""

    def __init__(self) -> None:
        answers: dict[str, tuple[int, Any]] = {}
        paths: list[str] = []
        limited: list[float] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.split("?")[0]
                paths.append(path)
                if limited and path.startswith("/admin"):
                    self._say(
                        429,
                        {"error": "too many"},
                        {"Retry-After": str(limited.pop())},
                    )
                else:
                    self._say(
                        *answers.get(path, (404, {"error": "nothing"})), {}
                    )

            do_POST = do_GET

            def _say(
                self, status: int, body: Any, headers: dict[str, str]
            ) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_: Any) -> None:
                pass

        self.answers, self.asked, self.limited = answers, paths, limited
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        answers["/realms/acme/protocol/openid-connect/token"] = (
            200,
            {"access_token": "t"},
        )
        answers["/admin/realms/acme/groups"] = (
            200,
            [
                {"id": "1", "path": "/Sales", "subGroupCount": 1},
                {"id": "2", "path": "/desk"},
            ],
        )
        answers["/admin/realms/acme/groups/1/children"] = (
            200,
            [{"id": "3", "path": "/Sales/EMEA"}],
        )
        answers["/admin/realms/acme/client-scopes"] = (200, [{"name": "basic"}])
        answers["/admin/realms/acme/clients"] = (200, [])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    made = Server()
    threading.Thread(
        target=made.server.serve_forever, args=(0.05,), daemon=True
    ).start()
    monkeypatch.setenv("KEYCLOAK_CLIENT_ID", "kong-oam")
    monkeypatch.setenv("KEYCLOAK_CLIENT_SECRET", "s")
    yield made
    made.server.shutdown()
    made.server.server_close()


APP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x}
      traits:
        - type: gateway
          properties: {domain: shop.example.com, http: {/: 8080}}
        - type: access
          properties:
            owner: me
            scopes: {read: Read}
            rules: [{scopes: [read]}]
            roles:
              reader: {scopes: [read], groups: [sales, desk]}
              emea: {scopes: [read], groups: [emea]}
"""


ALL_GROUPS = [
    {"id": name, "path": f"/{name}"} for name in ("sales", "desk", "emea")
]


def findings(
    server: Server, held_names: RecordedNames = frozenset(), **changes: Any
) -> list[str]:
    stack = keycloak(issuer=f"{server.url}/realms/acme", **changes)
    return [
        f"{finding.position}: {finding.code}: {finding.message}"
        for finding in inspect(
            stack.providers[0],
            estate(APP, stack=stack.stack),
            held_names,
            {},
            configuration(),
        ).findings
    ]


def test_a_group_that_the_realm_does_not_have_is_named_with_the_nearest(
    server: Server,
) -> None:
    """Every one at once, subgroups among the nearest; by the realm's own names where the stack maps
    them. A group is near only if a typing error makes it the other."""
    where = "under identityProviders[].groups in stacks/Pulumi.tests.yaml"
    assert findings(server, groups={"emea": "Sales/EMAE"}) == [
        "app1.yaml:18:49: ENV401: role 'reader': group 'sales' of kc does not exist; did you mean 'Sales'? "
        f"Create it there, or map 'sales' {where}",
        "app1.yaml:19:47: ENV401: role 'emea': group 'emea' (there 'Sales/EMAE') of kc does not exist; did you mean "
        f"'Sales/EMEA'? Create it there, or map 'emea' {where}",
    ]


def test_groups_that_are_there_are_found_by_path(server: Server) -> None:
    """Subgroups are read only where a path leads there."""
    assert (
        findings(server, groups={"sales": "Sales", "emea": "/Sales/EMEA"}) == []
    )
    assert server.asked.count("/admin/realms/acme/groups/1/children") == 1
    del server.asked[:]
    assert findings(server, groups={"sales": "Sales", "emea": "Sales"}) == []
    assert "/admin/realms/acme/groups/1/children" not in server.asked


def test_names_that_the_realm_has_already_stop_the_run(server: Server) -> None:
    """Each object that the state does not know, with its remedy: a realm has a name once."""
    server.answers["/admin/realms/acme/groups"] = (200, ALL_GROUPS)
    server.answers["/admin/realms/acme/client-scopes"] = (
        200,
        [{"id": "b", "name": "basic"}, {"id": "s", "name": "read"}],
    )
    server.answers["/admin/realms/acme/roles/desk"] = (
        200,
        {"id": "r", "name": "desk", "composite": False},
    )
    for path in (
        "roles",
        "roles/desk/users",
        "roles/desk/groups",
        "client-scopes/s/scope-mappings",
    ):
        server.answers[f"/admin/realms/acme/{path}"] = (
            200,
            [] if path.startswith("roles") else {},
        )
    for kind in ("default", "optional"):
        server.answers[f"/admin/realms/acme/default-{kind}-client-scopes"] = (
            200,
            [],
        )
    assert findings(server) == [
        "None: ENV403: kc has objects with our names that are missing in the state of stack 'tests'"
    ]
    assert (
        findings(
            server,
            frozenset({(ROLE, "kc-role-desk"), (SCOPE, "kc-scope-api-read")}),
        )
        == []
    )


@pytest.mark.parametrize(
    ("path", "answer", "message"),
    [
        (
            "/realms/acme/protocol/openid-connect/token",
            (
                401,
                {
                    "error": "unauthorized_client",
                    "error_description": "Invalid client",
                },
            ),
            "answers 401 unauthorized_client: Invalid client; check keycloak:clientId and the secret",
        ),
        (
            "/realms/acme/protocol/openid-connect/token",
            (404, {"error": "Realm does not exist"}),
            "check that the realm exists: the issuer ends in /realms/<realm>",
        ),
        (
            "/admin/realms/acme/groups",
            (403, {"error": "HTTP 403 Forbidden"}),
            "give the service account of keycloak:clientId the roles manage-clients",
        ),
        (
            "/admin/realms/acme/groups",
            (404, {"error": "Realm not found."}),
            "check that the realm exists",
        ),
        (
            "/admin/realms/acme/groups",
            (500, {"error": "unknown_error"}),
            "answers 500 unknown_error; see the server's log",
        ),
    ],
)
def test_a_refusal_is_said_with_what_to_do(
    server: Server, path: str, answer: tuple[int, Any], message: str
) -> None:
    """A wrong secret, a missing realm, missing permissions, a server that breaks."""
    server.answers[path] = answer
    with pytest.raises(InspectionError) as refused:
        findings(server)
    assert str(refused.value).startswith(
        "identity provider 'kc': keycloak at 127.0.0.1"
    )
    assert message in str(refused.value)


def test_a_server_that_does_not_answer_is_said(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYCLOAK_URL", "http://127.0.0.1:9")
    with pytest.raises(InspectionError, match="does not answer"):
        findings(server)


def test_an_account_is_needed(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KEYCLOAK_CLIENT_SECRET")
    with pytest.raises(
        InspectionError,
        match="set keycloak:clientId and the secret keycloak:clientSecret",
    ):
        findings(server)
