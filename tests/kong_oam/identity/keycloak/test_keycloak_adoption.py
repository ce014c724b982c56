"""What a realm has under our names: what is adopted and by which ids, what has to go first, what is not asked."""

from __future__ import annotations

import json
import shlex
from typing import Any

import httpx
import pytest

from kong_oam.diagnostics import Diagnostic
from kong_oam.engine.pending import ExportedState, PendingCreation
from kong_oam.engine.state import Held
from kong_oam.errors import RefusedError
from kong_oam.identity.keycloak import orphans as recovery
from kong_oam.identity.keycloak.adoption import name_conflicts
from kong_oam.identity.keycloak.api import Account, Realm
from kong_oam.identity.keycloak.names import AUDIENCE, CLIENT, GROUPS, ROLE, SCOPE, Names
from tests.support.estates import estate
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
ALL: Held = frozenset(
    [
        *((ROLE, one) for one in NAMES.roles),
        *((SCOPE, one) for one in NAMES.scopes),
        *((CLIENT, one) for one in NAMES.clients),
        *((mapper.type, one) for one, mapper in NAMES.mappers.items()),
    ]
)
PAGE, JOB = "kong-oam.tests.shop.page", "kong-oam.tests.shop.job"
MAPPER = {"id": "m1", "protocol": "openid-connect"}
GROUPS_MAPPER = {**MAPPER, "name": "groups", "protocolMapper": "oidc-usermodel-realm-role-mapper"}
AUDIENCE_MAPPER = {**MAPPER, "name": "audience", "protocolMapper": "oidc-audience-mapper"}


class Recorded(Realm):
    """A realm that answers as a real one was recorded to, by path below it; nothing else of it is there."""

    def __init__(self, **answers: Any) -> None:
        super().__init__(Account("https://kc.test", "acme", "acme", "kong-oam", "s"))
        self.answers: dict[str, Any] = {"/clients": [], "/client-scopes": [], **answers}
        for kind in ("default", "optional"):
            self.answers[f"/default-{kind}-client-scopes"] = []
        self.asked: list[str] = []

    def scope(self, name: str, **more: Any) -> None:
        """A client scope that nothing asks for."""
        one = {"id": f"id-{name}", "name": name, "protocol": "openid-connect", "attributes": {}, **more}
        self.answers["/client-scopes"].append(one)
        self.answers[f"/client-scopes/id-{name}/scope-mappings"] = {}

    def client_of(self, name: str, **more: Any) -> None:
        """A client through which nobody has signed in, and whose service account has what every user has."""
        path = f"/clients/id-{name}"
        self.answers["/clients"].append({"id": f"id-{name}", "clientId": name, "protocol": "openid-connect", **more})
        self.answers |= {f"{path}/scope-mappings": {}, f"{path}/service-account-user": {"id": "sa"}}
        self.answers |= {f"{path}/session-count": {"count": 0}, f"{path}/offline-session-count": {"count": 0}}
        self.answers["/users/sa/role-mappings"] = {"realmMappings": [{"name": "default-roles-acme"}]}
        self.answers["/users/sa/groups"] = []

    def _get(self, path: str, **query: str) -> httpx.Response:
        self.asked.append(path)
        known = path in self.answers
        body = self.answers[path] if known and query.get("first", "0") == "0" else [] if known else {"error": "no"}
        request = httpx.Request("GET", f"https://kc.test{path}")
        return httpx.Response(200 if known else 404, json=body, request=request)


def told(realm: Realm, held: Held = frozenset()) -> list[Diagnostic]:
    return list(name_conflicts(realm, PROVIDER, ESTATE, held, "kong-oam"))


def foreign(realm: Realm) -> list[str]:
    return [one.message.partition("; that is")[0] for one in told(realm) if one.code == "ENV404"]


def imported(found: Diagnostic) -> list[dict[str, Any]]:
    (line,) = (line.strip() for line in str(found).splitlines() if line.strip().startswith("echo "))
    echo, file, pipe, url, login, *command = shlex.split(line)
    assert (echo, pipe, url, login) == ("echo", "|", "KEYCLOAK_URL=https://kc.test", "KEYCLOAK_REALM=acme")
    assert shlex.join(command).startswith("pulumi import --stack tests --yes --protect=false")
    resources: list[dict[str, Any]] = json.loads(file)["resources"]
    return resources


def test_a_realm_without_our_names_is_no_concern() -> None:
    """Others' clients and scopes, and a client that only begins as ours."""
    realm = Recorded()
    realm.scope("basic")
    realm.client_of(f"{JOB}2")
    assert told(realm) == []


def test_mappers_are_looked_for_where_there_is_a_scope_for_them() -> None:
    """Without groups none brings any, and a page that nobody may use has no audience."""
    bare = estate(APP.replace("groups: [desk], ", ""), stack=SETTINGS.stack)
    assert list(Names(PROVIDER, bare).mappers) == ["kc-audience-shop/job"]


def test_what_the_state_holds_is_ours_and_is_not_asked_about() -> None:
    realm = Recorded()
    realm.scope("read")
    assert told(realm, ALL) == []
    assert realm.asked == []


def test_everything_of_our_names_is_listed_with_the_id_to_import_it_by() -> None:
    """Mappers with the client scope that they are in; the component that they belong to first."""
    realm = Recorded()
    realm.scope("read")
    realm.scope("kong-oam.tests.groups", protocolMappers=[GROUPS_MAPPER])
    realm.scope(JOB, protocolMappers=[AUDIENCE_MAPPER])
    realm.client_of(JOB)
    (found,) = told(realm)
    assert found.code == "ENV403" and "`python -m kong_oam recover -s tests --remove` removes them" in str(found)
    first, *rest = imported(found)
    assert first == {"type": "kong-oam:identity:Keycloak", "name": "kc", "component": True}
    assert {(one["type"], one["name"]): one["id"] for one in rest} == {
        (SCOPE, "kc-scope-api-read"): "acme/id-read",
        (SCOPE, "kc-scope-groups"): "acme/id-kong-oam.tests.groups",
        (SCOPE, "kc-scope-for-shop/job"): f"acme/id-{JOB}",
        (GROUPS, "kc-groups"): "acme/client-scope/id-kong-oam.tests.groups/m1",
        (AUDIENCE, "kc-audience-shop/job"): f"acme/client-scope/id-{JOB}/m1",
        (CLIENT, "kc-client-shop/job"): f"acme/id-{JOB}",
    }


def test_a_mapper_of_a_scope_that_the_state_holds_is_taken_over_alone() -> None:
    """As an interrupted run leaves it: the scope was recorded, the mapper in it was not."""
    realm = Recorded()
    realm.scope(JOB, protocolMappers=[AUDIENCE_MAPPER, {**MAPPER, "name": "theirs", "protocolMapper": "x"}])
    (found,) = told(realm, ALL - {(AUDIENCE, "kc-audience-shop/job")})
    assert [one["name"] for one in imported(found)] == ["kc", "kc-audience-shop/job"]


@pytest.mark.parametrize(
    ("mapper", "said"),
    [
        ({"protocolMapper": "oidc-hardcoded-claim-mapper"}, "protocol mapper 'audience' (oidc-hardcoded-claim-mapper)"),
        ({"config": {"claim.value": "x"}}, "setting 'claim.value' of protocol mapper 'audience'"),
        ({"config": {"included.custom.audience": "x", "lightweight.claim": "false"}}, None),
        ({"name": "another"}, "protocol mapper 'another' (oidc-audience-mapper)"),
    ],
)
def test_a_mapper_is_one_of_ours_or_has_to_go(mapper: dict[str, Any], said: str | None) -> None:
    """Of the very kind, and with no setting that its resource would leave as it is."""
    realm = Recorded()
    realm.scope(JOB, protocolMappers=[{**AUDIENCE_MAPPER, **mapper}])
    assert foreign(realm) == ([f"client scope '{JOB}': {said}"] if said else [])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"redirectUris": ["https://evil.example.com/*"], "webOrigins": ["*"], "fullScopeAllowed": True}, None),
        ({"attributes": {"use.refresh.tokens": "true", "realm_client": "false", "saml.x": "false"}}, None),
        ({"attributes": {"access.token.header.type.rfc9068": "true"}}, "attribute 'access.token.header.type.rfc9068'"),
        ({"attributes": {"use.jwks.string": "true"}}, "attribute 'use.jwks.string'"),
        ({"optionalClientScopes": ["basic", "phone"]}, "optional client scope 'basic', which is to be in every token"),
        ({"protocol": "saml"}, "protocol 'saml'"),
        ({"authenticationFlowBindingOverrides": {"browser": "f"}}, "authentication flow of its own for 'browser'"),
        ({"authenticationFlowBindingOverrides": {"browser": "", "direct_grant": ""}}, None),
    ],
)
def test_what_the_resource_sets_right_is_no_obstacle_and_all_else_is(more: dict[str, Any], said: str | None) -> None:
    """Attributes are merged by Keycloak, so that one which is not sent stays. A page has no key at all."""
    realm = Recorded()
    realm.client_of(PAGE, **more)
    assert foreign(realm) == ([f"client '{PAGE}': {said}"] if said else [])


def test_sessions_of_a_client_without_a_secret_are_somebodys() -> None:
    """Its refresh tokens need no proof of who it is: whoever had users sign in through it may hold some."""
    realm = Recorded()
    realm.client_of(PAGE)
    realm.answers[f"/clients/id-{PAGE}/offline-session-count"] = {"count": 2}
    assert foreign(realm) == [f"client '{PAGE}': 2 session(s) of users, whose tokens whoever made it may hold"]


def test_a_role_is_of_its_own_group_alone() -> None:
    """Nobody else has it, directly or in another role; it has no other role in it."""
    realm = Recorded()
    role = {"id": "r1", "name": "desk", "composite": True}
    realm.answers |= {"/roles/desk": role, "/roles": [role, {"id": "r2", "name": "all", "composite": True}]}
    realm.answers |= {"/roles/desk/users": [], "/roles/desk/groups": [{"path": "/desk"}, {"path": "/other"}]}
    realm.answers |= {"/roles-by-id/r1/composites": [{"name": "admin"}], "/roles-by-id/r1/composites/realm": []}
    realm.answers["/roles-by-id/r2/composites/realm"] = [role]
    assert foreign(realm) == [
        "role 'desk': role 'admin' in it",
        "role 'desk': group '/other', which has it",
        "role 'desk': role 'all', which has it in it",
    ]
    assert "pulumi import" not in str(told(realm)[0])


# After an interrupted run


def _state(kind: str, known: tuple[str, ...] = (), provider: str = "kc-account", **inputs: str) -> ExportedState:
    return ExportedState(frozenset(known), (PendingCreation(kind, inputs, None, provider),), None)


def _doubts(realm: Realm, state: ExportedState) -> list[str | None]:
    return [doubt for _, doubt in recovery.orphans(realm, state, "kc-account")]


def test_what_was_made_as_it_was_meant_is_certain() -> None:
    """Its name and its description, and nobody has touched it; what the state knows is not even listed."""
    realm = Recorded()
    realm.client_of(JOB, description="ours")
    assert _doubts(realm, _state(CLIENT, clientId=JOB, description="ours")) == [None]
    assert _doubts(realm, _state(CLIENT, known=(f"id-{JOB}",), clientId=JOB, description="ours")) == []
    assert recovery.applies(_state(CLIENT, clientId=JOB), "kc-account")
    assert not recovery.applies(_state(CLIENT, provider="other-account", clientId=JOB), "kc-account")
    assert not recovery.applies(_state("keycloak:index/groupRoles:GroupRoles"), "kc-account")


def test_what_was_not_made_so_or_is_used_is_kept() -> None:
    realm = Recorded()
    realm.client_of(JOB, description="theirs", protocolMappers=[AUDIENCE_MAPPER])
    assert _doubts(realm, _state(CLIENT, clientId=JOB, description="ours")) == [
        "its description is another than the one that it would have been given"
    ]
    assert _doubts(realm, _state(CLIENT, clientId=JOB, description="theirs")) == ["protocol mapper 'audience'"]
    realm.scope("read", description="d")
    assert _doubts(realm, _state(SCOPE, name="read", description="d")) == [None]
    realm.client_of("other", defaultClientScopes=["read"])
    assert _doubts(realm, _state(SCOPE, name="read", description="d")) == ["client 'other', which has it"]


def test_a_role_that_a_scope_asks_for_is_kept() -> None:
    """The scope would be everybody's without it."""
    realm = Recorded()
    role = {"id": "r1", "name": "desk", "description": "d", "composite": False}
    realm.answers |= {"/roles/desk": role, "/roles": [role], "/roles/desk/users": [], "/roles/desk/groups": []}
    realm.scope("theirs")
    assert _doubts(realm, _state(ROLE, name="desk", description="d")) == [None]
    realm.answers["/client-scopes/id-theirs/scope-mappings"] = {"realmMappings": [role]}
    assert _doubts(realm, _state(ROLE, name="desk", description="d")) == ["client scope 'theirs' asks for it"]


def test_a_mapper_is_looked_for_in_the_scope_that_the_state_holds() -> None:
    realm = Recorded()
    realm.answers["/client-scopes/s1/protocol-mappers/models"] = [AUDIENCE_MAPPER, {**GROUPS_MAPPER, "id": "m2"}]
    ((found, doubt),) = recovery.orphans(realm, _state(AUDIENCE, clientScopeId="s1", name="audience"), "kc-account")
    assert (found.path, doubt) == ("/client-scopes/s1/protocol-mappers/models/m1", None)
    assert str(found) == "AudienceProtocolMapper audience (m1)"


def test_a_realm_that_refuses_is_said() -> None:
    realm = Recorded()
    realm.client_of(JOB)
    del realm.answers[f"/clients/id-{JOB}/scope-mappings"]
    with pytest.raises(RefusedError, match="scope-mappings answers 404"):
        told(realm)
