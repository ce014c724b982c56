"""The keycloak stand-in sends the official plugin's requests to a real Keycloak, as recorded."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.plugins.http import Answer
from sandbox.plugins.keycloak_api import AdminApi
from sandbox.plugins.keycloak_client import (
    Client,
    ClientDefaultScopes,
    ClientOptionalScopes,
)
from sandbox.plugins.keycloak_realm import (
    AudienceProtocolMapper,
    ClientScope,
    GenericRoleMapper,
    GroupRoles,
    Mapper,
    Role,
    UserRealmRoleProtocolMapper,
)
from sandbox.plugins.provider import Naming
from sandbox.plugins.values import Properties
from tests.support.json_object import JsonObject
from tests.support.repository import DATA

TRAFFIC = DATA / "keycloak" / "traffic-official-plugin.jsonl"
REALM = "/admin/realms/acme"
Exchange = JsonObject
Asked = tuple[str, str, Any]


def exchanges(step: str) -> list[Exchange]:
    if not TRAFFIC.exists():
        pytest.skip(f"{TRAFFIC.name} is not beside this checkout")
    return [
        exchange
        for exchange in map(json.loads, TRAFFIC.read_text().splitlines())
        if exchange["step"] == step
    ]


class Recorded(AdminApi):
    """A server that repeats the answers of a recorded step, and keeps the requests.

    A path with several recorded answers gets them one after the other, and then the last answer for
    ever.
    """

    def __init__(self, step: str) -> None:
        super().__init__()
        self.asked: list[Asked] = []
        self._answers: dict[tuple[str, str], list[Exchange]] = {}
        for exchange in exchanges(step):
            self._answers.setdefault(
                (exchange["method"], exchange["path"]), []
            ).append(exchange)

    def send(
        self, method: str, path: str, body: Any = None, *, server: bool = False
    ) -> Answer:
        target = f"/admin{path}" if server else f"/admin/realms{path}"
        self.asked.append((method, target, body))
        found = self._answers.get((method, target), [])
        # Among several in a collection, the request that led to this answer.
        if method == "POST":
            found = [
                exchange
                for exchange in found
                if exchange["request_body"] == body
            ] or found
        if not found:
            return Answer(404, {"error": "not recorded"}, "not recorded", {})
        exchange = (
            found.pop(0) if len(found) > 1 and method == "GET" else found[0]
        )
        headers = (
            {"Location": exchange["response_location"]}
            if exchange.get("response_location")
            else {}
        )
        return Answer(
            exchange["status"],
            exchange["response_body"],
            json.dumps(exchange["response_body"]),
            headers,
        )

    @property
    def calls(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path, _ in self.asked]

    def body(self, method: str) -> Any:
        """Return the body of the one request of this method."""
        (found,) = (body for called, _, body in self.asked if called == method)
        return found


def posts(end: str) -> Iterator[Exchange]:
    return (
        exchange
        for exchange in exchanges("create")
        if exchange["method"] == "POST" and exchange["path"].endswith(end)
    )


def checked(resource: Any, **inputs: Any) -> Properties:
    """Return the inputs with the plugin's defaults; they must have no error."""
    found: Properties = resource.check(
        {"realmId": "acme", **inputs}, {}, Naming("recorded", b"")
    )
    assert list(resource.problems(found)) == []
    return found


def test_roles_are_made_looked_up_and_written_once_more() -> None:
    """As recorded: POST, GET by name, PUT and GET by id."""
    count = 0
    for post in posts(f"{REALM}/roles"):
        api = Recorded("create")
        role = Role(api)
        sent = post["request_body"]
        identifier, state = role.create(
            checked(role, name=sent["name"], description=sent["description"])
        )
        by_id = f"{REALM}/roles-by-id/{identifier}"
        assert api.calls == [
            ("POST", f"{REALM}/roles"),
            ("GET", f"{REALM}/roles/{sent['name']}"),
            ("PUT", by_id),
            ("GET", by_id),
        ]
        assert api.body("POST") == sent
        (put,) = (
            e
            for e in exchanges("create")
            if e["method"] == "PUT" and e["path"] == by_id
        )
        assert api.body("PUT") == put["request_body"]
        assert state["name"] == sent["name"]
        count += 1
    assert count == 2


def test_client_scopes_are_posted_as_recorded() -> None:
    """With every attribute; the program of the recording set an order in the console for one of them."""
    names = []
    for post in posts("/client-scopes"):
        sent = post["request_body"]
        if sent["attributes"]["gui.order"]:
            continue
        api = Recorded("create")
        scope = ClientScope(api)
        listed = sent["attributes"]["include.in.token.scope"] == "true"
        inputs = checked(
            scope,
            name=sent["name"],
            description=sent["description"],
            includeInTokenScope=listed,
        )
        identifier, state = scope.create(inputs)
        assert api.asked == [
            ("POST", post["path"], sent),
            ("GET", f"{post['path']}/{identifier}", None),
        ]
        assert state["includeInTokenScope"] is listed
        assert scope.differences(state, inputs, inputs).changed == frozenset()
        names.append(sent["name"])
    assert names == ["groups", "orders.write"]


MAPPERS: dict[str, type[Mapper]] = {
    "oidc-audience-mapper": AudienceProtocolMapper,
    "oidc-usermodel-realm-role-mapper": UserRealmRoleProtocolMapper,
}


def test_mappers_are_posted_as_recorded() -> None:
    """After a look-up of existing names; every setting is a text."""
    counts: Counter[str] = Counter()
    for post in posts("/protocol-mappers/models"):
        sent = post["request_body"]
        kind = MAPPERS.get(sent["protocolMapper"])
        if kind is None or "/client-scopes/" not in post["path"]:
            continue
        api = Recorded("create")
        mapper = kind(api)
        config = {
            name: sent["config"][setting]
            for name, setting in mapper.config.items()
        }
        typed_config = {
            k: v == "true" if v in ("true", "false") else v
            for k, v in config.items()
            if v != ""
        }
        inputs = checked(
            mapper,
            name=sent["name"],
            clientScopeId=post["path"].split("/")[5],
            **typed_config,
        )
        identifier, state = mapper.create(inputs)
        # Others made mappers in the same scope meanwhile: the existing mappers are another run's
        # answer.
        assert api.calls == [
            ("GET", post["path"]),
            ("POST", post["path"]),
            ("GET", f"{post['path']}/{identifier}"),
        ]
        assert api.body("POST") == sent
        assert mapper.differences(state, inputs, inputs).changed == frozenset()
        counts[sent["protocolMapper"]] += 1
    assert counts.keys() == MAPPERS.keys()


def test_a_scope_is_mapped_to_a_role_as_recorded() -> None:
    """The role is read and sent whole. Its removal has it in the body, because Keycloak would
    otherwise remove all."""
    (post,) = posts("/scope-mappings/realm")
    scope, role = post["path"].split("/")[5], post["request_body"][0]["id"]
    api = Recorded("create")
    mapper = GenericRoleMapper(api)
    identifier, state = mapper.create(
        checked(mapper, clientScopeId=scope, roleId=role)
    )
    assert identifier == f"acme/client-scope/{scope}/scope-mappings//{role}"
    assert api.calls == [
        ("GET", f"{REALM}/roles-by-id/{role}"),
        ("POST", post["path"]),
        ("GET", post["path"]),
    ]
    assert api.body("POST") == post["request_body"]
    (gone,) = (
        e
        for e in exchanges("destroy")
        if e["method"] == "DELETE" and e["path"] == post["path"]
    )
    api = Recorded("create")
    GenericRoleMapper(api).delete(identifier, state)
    assert api.calls[-1] == ("DELETE", gone["path"])
    (deleted,), (sent,) = api.body("DELETE"), gone["request_body"]
    assert {name: deleted.get(name) for name in sent} == sent


def test_a_group_gets_its_roles_as_recorded() -> None:
    (post,) = (
        post
        for post in posts("/role-mappings/realm")
        if "/groups/" in post["path"]
    )
    group = post["path"].split("/")[5]
    api = Recorded("create")
    roles = GroupRoles(api)
    inputs = checked(
        roles,
        groupId=group,
        roleIds=[role["id"] for role in post["request_body"]],
    )
    identifier, _ = roles.create(inputs)
    assert identifier == f"acme/{group}"
    assert api.body("POST") == post["request_body"]
    assert [method for method, _ in api.calls] == ["GET", "GET", "GET", "POST"]


def _client_inputs(client: Client, sent: JsonObject) -> Properties:
    """Return the program's inputs for this body."""
    kinds = {
        (False, False): "CONFIDENTIAL",
        (True, False): "PUBLIC",
        (False, True): "BEARER-ONLY",
    }
    logout, attributes = (
        sent["attributes"].get("post.logout.redirect.uris"),
        sent["attributes"],
    )
    inputs = {
        "clientId": sent["clientId"],
        "name": sent["name"],
        "accessType": kinds[sent["publicClient"], sent["bearerOnly"]],
        "clientAuthenticatorType": sent["clientAuthenticatorType"],
        "clientSecret": sent.get("secret"),
        "rootUrl": sent.get("rootUrl"),
        "standardFlowEnabled": sent["standardFlowEnabled"],
        "serviceAccountsEnabled": sent["serviceAccountsEnabled"],
        "fullScopeAllowed": sent["fullScopeAllowed"],
        "validRedirectUris": sent["redirectUris"],
        "webOrigins": sent["webOrigins"],
        "pkceCodeChallengeMethod": attributes["pkce.code.challenge.method"],
        "validPostLogoutRedirectUris": logout.split("##") if logout else None,
        "extraConfig": {
            name: attributes[name]
            for name in ("jwks.string", "use.jwks.string")
            if name in attributes
        },
    }
    extra = [
        name for name in attributes if name.startswith("token.endpoint.auth")
    ]
    inputs["extraConfig"] |= {name: attributes[name] for name in extra}
    return checked(
        client,
        **{
            name: value
            for name, value in inputs.items()
            if value not in (None, "", {})
        },
    )


def test_clients_are_posted_as_recorded() -> None:
    """Every attribute is a text. A secret is sent only if the program sets it, and read back from a
    separate path."""
    names = []
    for post in posts("/clients"):
        sent = post["request_body"]
        api = Recorded("create")
        client = Client(api)
        inputs = _client_inputs(client, sent)
        identifier, state = client.create(inputs)
        assert api.body("POST") == sent, sent["clientId"]
        path = f"{post['path']}/{identifier}"
        service = (
            [("GET", f"{path}/service-account-user")]
            if sent["serviceAccountsEnabled"]
            else []
        )
        assert api.calls == [
            ("GET", "/admin/serverinfo"),
            ("POST", post["path"]),
            ("GET", path),
            ("GET", f"{path}/client-secret"),
            *service,
        ]
        assert (
            client.differences(state, inputs, inputs).changed == frozenset()
        ), sent["clientId"]
        names.append(sent["clientId"])
    assert sorted(names) == ["batch", "batch-jwt", "orders-api", "spa", "web"]


@pytest.mark.parametrize("kind", [ClientDefaultScopes, ClientOptionalScopes])
def test_lists_of_scopes_are_taken_over_as_recorded(
    kind: type[ClientDefaultScopes] | type[ClientOptionalScopes],
) -> None:
    """The same requests for each client, the unwanted detached and the missing attached; their order is free."""
    recorded: dict[str, list[Exchange]] = {}
    for exchange in exchanges("create"):
        if (
            f"/{kind.part}" in exchange["path"]
            and "/clients/" in exchange["path"]
        ):
            recorded.setdefault(exchange["path"].split("/")[5], []).append(
                exchange
            )
    assert len(recorded) >= 3
    for client, calls in recorded.items():
        last = [call for call in calls if call["method"] == "GET"][-1]
        api = Recorded("create")
        api._answers["GET", f"{REALM}/clients/{client}/{kind.other}"] = [
            {"status": 200, "response_body": []}
        ]
        first = [call for call in calls if call["method"] == "GET"]
        api._answers["GET", f"{REALM}/clients/{client}/{kind.part}"] = _own(
            first
        )
        scopes = kind(api)
        wanted = [scope["name"] for scope in last["response_body"]]
        scopes.create(checked(scopes, clientId=client, **{kind.names: wanted}))
        changes = Counter(
            (method, path) for method, path in api.calls if method != "GET"
        )
        assert changes == Counter(
            (call["method"], call["path"])
            for call in calls
            if call["method"] != "GET"
        )


def _own(gets: list[Exchange]) -> list[Exchange]:
    """Return the reads of a list's own reconciliation: before and after it."""
    return [max(gets, key=lambda call: len(call["response_body"])), gets[-1]]
