"""A realm's objects with our names, and the objects that an interrupted run made."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from kong_oam.diagnostics import Diagnostic
from kong_oam.engine.pending import ExportedState, PendingCreation
from kong_oam.engine.state import RecordedNames
from kong_oam.errors import ManagementApiError
from kong_oam.identity.keycloak import orphans as recovery
from kong_oam.identity.keycloak.api import Account, Realm
from kong_oam.identity.keycloak.conflicts import name_conflicts
from kong_oam.identity.keycloak.names import (
    AUDIENCE,
    CLIENT,
    ROLE,
    SCOPE,
    Names,
)
from tests.support.estates import estate
from tests.support.json_object import JsonObject
from tests.support.provider_settings import keycloak

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
              reader: {scopes: [read], groups: [desk], components: [shop/page, shop/job]}
    - name: page
      type: webservice
      properties: {image: x}
      traits:
        - {type: gateway, properties: {domain: page.example.com, http: {/: 80}}}
        - type: access
          properties: {owner: me, rules: [{public: {reason: it signs users in}}]}
        - type: client
          properties: {kind: browser, redirectPaths: [/], calls: [{component: shop/api, scopes: [read]}]}
    - name: job
      type: worker
      properties: {image: x}
      traits: [{type: client, properties: {kind: service, calls: [{component: shop/api, scopes: [read]}]}}]
"""
SETTINGS = keycloak()
PROVIDER = SETTINGS.providers[0]
ESTATE = estate(APP, stack=SETTINGS.stack)
NAMES = Names(PROVIDER, ESTATE)
ALL: RecordedNames = frozenset(
    [
        *((ROLE, role) for role in NAMES.roles),
        *((SCOPE, scope) for scope in NAMES.scopes),
        *((CLIENT, client) for client in NAMES.clients),
    ]
)
PAGE, JOB = "kong-oam.tests.shop.page", "kong-oam.tests.shop.job"
MAPPER = {"id": "m1", "protocol": "openid-connect"}
GROUPS_MAPPER = {
    **MAPPER,
    "name": "groups",
    "protocolMapper": "oidc-usermodel-realm-role-mapper",
}
AUDIENCE_MAPPER = {
    **MAPPER,
    "name": "audience",
    "protocolMapper": "oidc-audience-mapper",
}


class Recorded(Realm):
    """A realm with the recorded answers of a real Keycloak, by path below it; other paths are
    missing."""

    def __init__(self, **answers: Any) -> None:
        super().__init__(
            Account("https://kc.test", "acme", "acme", "kong-oam", "s")
        )
        self.answers: JsonObject = {
            "/clients": [],
            "/client-scopes": [],
            **answers,
        }
        for kind in ("default", "optional"):
            self.answers[f"/default-{kind}-client-scopes"] = []
        self.asked: list[str] = []

    def scope(self, name: str, **fields: Any) -> None:
        """A client scope that nothing asks for."""
        scope = {
            "id": f"id-{name}",
            "name": name,
            "protocol": "openid-connect",
            "attributes": {},
            **fields,
        }
        self.answers["/client-scopes"].append(scope)
        self.answers[f"/client-scopes/id-{name}/scope-mappings"] = {}

    def client_of(self, name: str, **fields: Any) -> None:
        """A client through which nobody has signed in, and whose service account has what every user has."""
        path = f"/clients/id-{name}"
        self.answers["/clients"].append(
            {
                "id": f"id-{name}",
                "clientId": name,
                "protocol": "openid-connect",
                **fields,
            }
        )
        self.answers |= {
            f"{path}/scope-mappings": {},
            f"{path}/service-account-user": {"id": "sa"},
        }
        self.answers |= {
            f"{path}/session-count": {"count": 0},
            f"{path}/offline-session-count": {"count": 0},
        }
        self.answers["/users/sa/role-mappings"] = {
            "realmMappings": [{"name": "default-roles-acme"}]
        }
        self.answers["/users/sa/groups"] = []

    def _get(self, path: str, **query: str) -> httpx.Response:
        self.asked.append(path)
        known = path in self.answers
        body = (
            self.answers[path]
            if known and query.get("first", "0") == "0"
            else []
            if known
            else {"error": "no"}
        )
        request = httpx.Request("GET", f"https://kc.test{path}")
        return httpx.Response(200 if known else 404, json=body, request=request)


def _conflicts(
    realm: Realm, held_names: RecordedNames = frozenset()
) -> list[Diagnostic]:
    return list(name_conflicts(realm, PROVIDER, ESTATE, held_names))


def test_a_realm_without_our_names_is_no_concern() -> None:
    """Others' clients and scopes, and a client that only begins as ours."""
    realm = Recorded()
    realm.scope("basic")
    realm.client_of(f"{JOB}2")
    assert _conflicts(realm) == []


def test_what_the_state_holds_is_ours_and_is_not_asked_about() -> None:
    realm = Recorded()
    realm.scope("read")
    assert _conflicts(realm, ALL) == []
    assert realm.asked == []


def test_everything_of_our_names_is_listed_and_nothing_is_adopted() -> None:
    """Each has its id there. Objects inside a scope come and go with the scope."""
    realm = Recorded()
    realm.answers["/roles/desk"] = {"id": "r1", "name": "desk"}
    realm.scope("read")
    realm.scope(JOB, protocolMappers=[AUDIENCE_MAPPER])
    realm.client_of(JOB)
    (found,) = _conflicts(realm)
    assert found.code == "ENV403"
    assert [
        line for line in str(found).splitlines() if line.startswith("  ")
    ] == [
        "  Role 'desk', r1",
        "  openid.ClientScope 'read', id-read",
        f"  openid.ClientScope '{JOB}', id-{JOB}",
        f"  openid.Client '{JOB}', id-{JOB}",
    ]
    assert "`python -m kong_oam recover -s tests --remove` removes them" in str(
        found
    )
    assert "remove them there: the next run makes them anew" in str(found)


def test_many_names_are_looked_for_in_the_lists(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Which are read page by page."""
    monkeypatch.setattr("kong_oam.identity.keycloak.conflicts.FEW", 0)
    realm = Recorded()
    realm.answers["/roles"] = [
        {"id": "r1", "name": "desk"},
        {"id": "r2", "name": "desk2"},
    ]
    realm.client_of(JOB)
    (found,) = _conflicts(realm)
    assert "Role 'desk', r1" in str(found) and "desk2" not in str(found)
    assert f"openid.Client '{JOB}', id-{JOB}" in str(found)
    assert "/roles/desk" not in realm.asked


# After an interrupted run


def _state(
    kind: str,
    known: tuple[str, ...] = (),
    provider: str = "kc-account",
    **inputs: str,
) -> ExportedState:
    return ExportedState(
        frozenset(known), (PendingCreation(kind, inputs, None, provider),), None
    )


def _doubts(realm: Realm, state: ExportedState) -> list[str | None]:
    return [doubt for _, doubt in recovery.orphans(realm, state, "kc-account")]


def test_what_was_made_as_it_was_meant_is_certain() -> None:
    """Its name and its description, and nobody has touched it; what the state knows is not even listed."""
    realm = Recorded()
    realm.client_of(JOB, description="ours")
    assert _doubts(realm, _state(CLIENT, clientId=JOB, description="ours")) == [
        None
    ]
    assert (
        _doubts(
            realm,
            _state(
                CLIENT, known=(f"id-{JOB}",), clientId=JOB, description="ours"
            ),
        )
        == []
    )


@pytest.mark.parametrize(
    ("fields", "doubt"),
    [
        (
            {
                "redirectUris": ["https://example.com/*"],
                "attributes": {"use.jwks.string": "true", "saml.x": "false"},
            },
            None,
        ),
        (
            {"description": "theirs"},
            "its description differs from the intended description",
        ),
        ({"protocolMappers": [AUDIENCE_MAPPER]}, "protocol mapper 'audience'"),
        (
            {"attributes": {"access.token.header.type.rfc9068": "true"}},
            "attribute 'access.token.header.type.rfc9068'",
        ),
        ({"protocol": "saml"}, "protocol 'saml'"),
        (
            {"authenticationFlowBindingOverrides": {"browser": "f"}},
            "authentication flow override for 'browser'",
        ),
        (
            {"serviceAccountsEnabled": True},
            "role 'admin' of its service account",
        ),
    ],
)
def test_a_client_that_was_not_made_so_or_is_used_is_kept(
    fields: JsonObject, doubt: str | None
) -> None:
    """The settings of its resource are no doubt."""
    realm = Recorded()
    realm.client_of(JOB, **{"description": "ours", **fields})
    realm.answers["/users/sa/role-mappings"]["realmMappings"].append(
        {"name": "admin"}
    )
    assert _doubts(realm, _state(CLIENT, clientId=JOB, description="ours")) == [
        doubt
    ]


def test_a_client_through_which_somebody_signed_in_is_kept() -> None:
    realm = Recorded()
    realm.client_of(PAGE, description="ours")
    realm.answers[f"/clients/id-{PAGE}/offline-session-count"] = {"count": 2}
    assert _doubts(
        realm, _state(CLIENT, clientId=PAGE, description="ours")
    ) == ["2 session(s) of users"]


def test_a_scope_that_a_client_has_is_kept() -> None:
    realm = Recorded()
    realm.scope("read", description="d")
    assert _doubts(realm, _state(SCOPE, name="read", description="d")) == [None]
    realm.client_of("other", defaultClientScopes=["read"])
    assert _doubts(realm, _state(SCOPE, name="read", description="d")) == [
        "client 'other' with the scope"
    ]


@pytest.mark.parametrize(
    ("path", "answer", "doubt"),
    [
        (
            "/roles-by-id/r1/composites",
            [{"name": "admin"}],
            "role 'admin' inside it",
        ),
        (
            "/roles/desk/users",
            [{"username": "eve"}],
            "user 'eve' with the role",
        ),
        (
            "/roles/desk/groups",
            [{"path": "/desk"}],
            "group '/desk' with the role",
        ),
        (
            "/roles-by-id/r2/composites/realm",
            [{"id": "r1"}],
            "role 'all' that includes it",
        ),
        (
            "/client-scopes/id-theirs/scope-mappings",
            {"realmMappings": [{"id": "r1"}]},
            "client scope 'theirs' that requires it",
        ),
    ],
)
def test_a_role_that_somebody_has_or_asks_for_is_kept(
    path: str, answer: Any, doubt: str
) -> None:
    """A scope that asks for nothing else would be everybody's without it."""
    realm = Recorded()
    role = {"id": "r1", "name": "desk", "description": "d", "composite": True}
    realm.answers |= {
        "/roles/desk": role,
        "/roles": [role, {"id": "r2", "name": "all", "composite": True}],
    }
    realm.answers |= {
        "/roles/desk/users": [],
        "/roles/desk/groups": [],
        "/roles-by-id/r1/composites": [],
    }
    realm.answers |= {
        f"/roles-by-id/{role}/composites/realm": [] for role in ("r1", "r2")
    }
    realm.scope("theirs")
    assert _doubts(realm, _state(ROLE, name="desk", description="d")) == [None]
    realm.answers[path] = answer
    assert _doubts(realm, _state(ROLE, name="desk", description="d")) == [doubt]


@pytest.mark.parametrize(
    ("mapper", "doubt"),
    [
        (
            {"protocolMapper": "oidc-hardcoded-claim-mapper"},
            "mapper of kind oidc-hardcoded-claim-mapper",
        ),
        (
            {"config": {"claim.value": "x"}},
            "setting 'claim.value' of protocol mapper 'audience'",
        ),
        (
            {
                "config": {
                    "included.custom.audience": "x",
                    "lightweight.claim": "false",
                }
            },
            None,
        ),
    ],
)
def test_a_mapper_is_as_it_was_meant_or_is_kept(
    mapper: JsonObject, doubt: str | None
) -> None:
    """It has the same kind, and no setting beyond its resource's."""
    realm = Recorded()
    realm.answers["/client-scopes/s1/protocol-mappers/models"] = [
        {**AUDIENCE_MAPPER, **mapper}
    ]
    assert _doubts(
        realm, _state(AUDIENCE, clientScopeId="s1", name="audience")
    ) == [doubt]


def test_a_mapper_is_looked_for_in_the_scope_that_the_state_holds() -> None:
    realm = Recorded()
    realm.answers["/client-scopes/s1/protocol-mappers/models"] = [
        AUDIENCE_MAPPER,
        {**GROUPS_MAPPER, "id": "m2"},
    ]
    ((found, doubt),) = recovery.orphans(
        realm,
        _state(AUDIENCE, clientScopeId="s1", name="audience"),
        "kc-account",
    )
    assert (found.path, doubt) == (
        "/client-scopes/s1/protocol-mappers/models/m1",
        None,
    )
    assert str(found) == "AudienceProtocolMapper audience (m1)"


def test_a_realm_that_refuses_is_said() -> None:
    realm = Recorded()
    realm.client_of(JOB)
    del realm.answers[f"/clients/id-{JOB}/scope-mappings"]
    with pytest.raises(ManagementApiError, match="scope-mappings answers 404"):
        _doubts(realm, _state(CLIENT, clientId=JOB))
