"""The azuread stand-in sends the official plugin's recorded requests, and handles Microsoft Graph's
errors."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from kong_oam.identity.common.certificates import certificate
from sandbox.entra import Entra
from sandbox.entra.service import ADMINISTRATOR, TENANT
from sandbox.plugins.azuread_api import Graph
from sandbox.plugins.azuread_application import (
    Application,
    ApplicationCertificate,
    from_graph,
)
from sandbox.plugins.http import Answer
from sandbox.plugins.provider import ProviderError
from tests.support.json_object import JsonObject
from tests.support.partner_keys import private_pem, rsa_key
from tests.support.repository import DATA

TRAFFIC = DATA / "entra" / "traffic-official-plugin.jsonl"
SCOPE = {
    "adminConsentDescription": "d",
    "adminConsentDisplayName": "n",
    "enabled": True,
    "id": "1",
    "type": "Admin",
}
ROLE = {
    "allowedMemberTypes": ["Application"],
    "description": "d",
    "displayName": "n",
    "enabled": True,
    "id": "2",
}


class Recorder(Graph):
    """Keeps the requests: method, path and body."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str, Any]] = []

    def send(self, method: str, path: str, body: Any = None) -> Answer:
        """Keep the request, and make it."""
        self.asked.append((method, path, body))
        return super().send(method, path, body)


@pytest.fixture
def graph() -> Iterator[Recorder]:
    with Entra() as tenant:
        made = Recorder()
        login = {
            "tenantId": TENANT,
            "clientId": ADMINISTRATOR,
            "clientSecret": tenant.secret,
        }
        made.configure(
            {"metadataHost": tenant.url.removeprefix("http://"), **login}
        )
        yield made


def _recorded(
    step: str, path: str, methods: tuple[str, ...]
) -> list[JsonObject]:
    if not TRAFFIC.exists():
        pytest.skip(f"{TRAFFIC.name} is not beside this checkout")
    rows = map(json.loads, TRAFFIC.read_text("utf-8").splitlines())
    return [
        row
        for row in rows
        if row["step"] == step
        and row["method"] in methods
        and path in row["path"]
    ]


def _as_sets(value: Any) -> Any:
    """Remove varying values: addresses, temporary names, and the order of lists, which are sets to
    the plugin."""
    if isinstance(value, dict):
        return {
            key: _as_sets(field)
            for key, field in value.items()
            if key not in ("owners@odata.bind", "id")
        }
    if isinstance(value, list):
        return sorted(map(_as_sets, value), key=str)
    return (
        re.sub(r"TERRAFORM_UPDATE_.*", "temporary", value)
        if isinstance(value, str)
        else value
    )


def test_the_recorded_creation_of_an_application_is_repeated(
    graph: Recorder,
) -> None:
    """All bodies of POST and PATCH, and the order of all requests."""
    (made,) = (
        post
        for post in _recorded("create", "/v1.0/applications", ("POST",))
        if post["request_body"].get("appRoles")
    )
    object_id = made["response_body"]["id"]
    recorded = [
        exchange
        for exchange in _recorded(
            "create", object_id, ("PATCH", "DELETE", "GET")
        )
        if "servicePr" not in exchange["path"]
    ]
    identifier, _ = Application(graph).create(from_graph(made["response_body"]))
    assert _as_sets(graph.asked[0][2]) == _as_sets(made["request_body"])
    own = identifier.rsplit("/", 1)[1]
    sent = [
        (method, path.split("?")[0].replace(own, object_id), _as_sets(body))
        for method, path, body in graph.asked[1:]
    ]
    assert sent == [
        (
            exchange["method"],
            exchange["path"],
            _as_sets(exchange["request_body"]),
        )
        for exchange in recorded[: len(sent)]
    ]
    assert len(sent) == 6


def test_the_recorded_removal_of_a_scope_and_a_role_is_repeated(
    graph: Recorder,
) -> None:
    """The role disabled, the scope disabled, then both removed: the same bodies in the same order."""
    recorded = _recorded(
        "remove-scope-and-role", "/v1.0/applications", ("PATCH",)
    )[:3]
    before = json.loads(
        json.dumps(
            _recorded("remove-scope-and-role", "/v1.0/applications", ("GET",))[
                0
            ]["response_body"]
        )
    )
    inputs = from_graph(before)
    application = Application(graph)
    identifier, state = application.create({**inputs, "identifierUris": []})
    graph.asked.clear()
    wanted = {**inputs, "identifierUris": []}
    wanted["appRoles"] = [
        role
        for role in inputs["appRoles"]
        if role["value"] != "orders.write.all"
    ]
    scopes = [
        scope
        for scope in inputs["api"]["oauth2PermissionScopes"]
        if scope["value"] != "orders.write"
    ]
    wanted["api"] = {**inputs["api"], "oauth2PermissionScopes": scopes}
    application.update(identifier, state, wanted)
    sent = [body for method, _, body in graph.asked if method == "PATCH"]
    assert [_as_sets(body) for body in sent] == [
        _as_sets(exchange["request_body"]) for exchange in recorded
    ]


def test_a_permission_and_a_role_of_one_value_could_never_be_removed(
    graph: Recorder,
) -> None:
    """With different ids Graph rejects them. With one id, the plugin disables a single object, and Graph
    requires equal values."""
    application = Application(graph)

    def inputs(role: str, value: str, *, present: bool = True) -> JsonObject:
        entries = {
            "api": {
                "requestedAccessTokenVersion": 2,
                "oauth2PermissionScopes": [{**SCOPE, "value": "read"}],
            },
            "appRoles": [{**ROLE, "id": role, "value": value}],
        }
        return {
            "displayName": "x",
            "signInAudience": "AzureADMyOrg",
            **(entries if present else {}),
        }

    with pytest.raises(ProviderError, match='duplicate value found: "read"'):
        application.create(inputs("2", "read"))
    identifier, state = application.create(inputs("1", "read"))
    with pytest.raises(
        ProviderError,
        match="must match for the 'oauth2Permissions' and 'appRoles'",
    ):
        application.update(
            identifier, state, inputs("1", "read", present=False)
        )
    identifier, state = application.create(inputs("2", "scope=read"))
    assert (
        application.update(
            identifier, state, inputs("2", "scope=read", present=False)
        )["appRoleIds"]
        == {}
    )


def test_a_certificate_is_sent_as_the_text_that_it_is_in(
    graph: Recorder,
) -> None:
    """In base64, as the official plugin's source has it; the others of the application go along without their values."""
    identifier, _ = Application(graph).create({"displayName": "job"})
    pems = [
        certificate(private_pem(rsa_key()), f"job {number}")
        for number in (1, 2)
    ]
    for pem in pems:
        assignment = {
            "applicationId": identifier,
            "encoding": "pem",
            "value": pem,
            "type": "AsymmetricX509Cert",
        }
        ApplicationCertificate(graph).create(assignment)
    ((first,), (known, second)) = (
        body["keyCredentials"]
        for _, _, body in graph.asked
        if "keyCredentials" in (body or {})
    )
    assert [
        base64.b64decode(credential["key"]).decode()
        for credential in (first, second)
    ] == pems
    assert known["key"] is None
