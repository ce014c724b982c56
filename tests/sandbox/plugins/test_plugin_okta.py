"""The okta stand-in sends the official plugin's recorded requests."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.plugins.http import Answer
from sandbox.plugins.okta_api import ManagementApi, OktaObject
from sandbox.plugins.okta_app import OAuth
from sandbox.plugins.okta_origin import Origin
from sandbox.plugins.okta_server import (
    Server,
    ServerClaim,
    ServerPolicy,
    ServerPolicyRule,
    ServerScope,
)
from sandbox.plugins.provider import Naming, ProviderError
from tests.support.json_object import JsonObject
from tests.support.repository import DATA

TRAFFIC = DATA / "okta" / "traffic-official-plugin.jsonl"
PARTS = {
    "scopes": ServerScope,
    "claims": ServerClaim,
    "policies": ServerPolicy,
    "rules": ServerPolicyRule,
}
POLICIES = [{"id": "default", "system": True}, {"id": "other", "system": False}]


class Recorder(ManagementApi):
    """A management API that repeats the recording's answers, and keeps the requests."""

    def __init__(self, answer: Any, status: int = 200) -> None:
        super().__init__()
        self.asked: list[tuple[str, str, Any]] = []
        self._answer, self._status = answer, status

    def send(self, method: str, path: str, body: Any = None) -> Answer:
        """Keep the request."""
        self.asked.append((method, path, body))
        answer = (
            POLICIES if path.startswith("/api/v1/policies") else self._answer
        )
        return Answer(self._status, answer, json.dumps(answer), {})

    def writes(self) -> list[tuple[str, str]]:
        """Return the requests without bodies and without the answers' own ids."""
        return [(method, path) for method, path, _ in self.asked]


def _recorded(method: str) -> Iterator[JsonObject]:
    if not TRAFFIC.exists():
        pytest.skip(f"{TRAFFIC.name} is not beside this checkout")
    for line in TRAFFIC.read_text().splitlines():
        exchange = json.loads(line)
        if (
            exchange["method"] == method
            and exchange["status"] < 300
            and not exchange.get("injected")
        ):
            yield exchange


def _kind(path: str) -> type[OktaObject] | None:
    parts = path.removeprefix("/api/v1/").split("/")
    if parts[0] == "apps" and len(parts) <= 2:
        return OAuth
    if (
        parts[0] != "authorizationServers"
        or "lifecycle" in parts
        or "credentials" in parts
    ):
        return None
    names = parts[::2]
    return Server if len(names) == 1 else PARTS.get(names[-1])


def _inputs(resource: OktaObject, exchange: JsonObject) -> JsonObject:
    """Return the program's inputs: the answer's properties, with the parents in the path."""
    parts = exchange["path"].split("/")
    owners = {
        "authServerId": parts[4] if len(parts) > 4 else "",
        "policyId": parts[6] if len(parts) > 6 else "",
    }
    state = resource.state(exchange["response_body"], owners)
    inputs = {
        key: value
        for key, value in state.items()
        if key not in resource.computed and value not in (None, [])
    }
    credentials = (
        exchange["request_body"].get("credentials", {}).get("oauthClient", {})
    )
    if "client_id" in credentials:
        inputs["clientId"] = credentials["client_id"]
    return resource.check(inputs, {}, Naming("recorded", b""))


def test_every_recorded_create_of_the_official_plugin_is_repeated() -> None:
    """For the same inputs: the same path and body, then a GET of the new object."""
    repeated: Counter[str] = Counter()
    for exchange in _recorded("POST"):
        kind = _kind(exchange["path"])
        if kind is None:
            continue
        api = Recorder(exchange["response_body"])
        resource = kind(api)
        resource.create(_inputs(resource, exchange))
        query = f"?{exchange['query']}" if exchange["query"] else ""
        where = (
            f"{exchange['run']} {exchange['step']}, exchange {exchange['seq']}"
        )
        assert api.asked[0] == (
            "POST",
            exchange["path"] + query,
            exchange["request_body"],
        ), where
        repeated[kind.__name__] += 1
    print(f"\nrepeated creates of the official plugin: {dict(repeated)}")
    assert sum(repeated.values()) >= 100


def test_every_recorded_update_of_the_official_plugin_is_repeated() -> None:
    """The same for PUT; an app's carries its client id and secret."""
    repeated: Counter[str] = Counter()
    for exchange in _recorded("PUT"):
        kind = _kind(exchange["path"])
        if kind is None:
            continue
        api = Recorder(exchange["response_body"])
        resource, path = kind(api), exchange["path"]
        inputs = _inputs(resource, {**exchange, "path": path})
        state = dict(inputs)
        if kind is OAuth:
            client = exchange["request_body"]["credentials"]["oauthClient"]
            state |= {
                "clientId": client["client_id"],
                "clientSecret": client.get("client_secret"),
            }
            inputs["omitSecret"] = client.get("client_secret") == ""
            inputs["status"] = state["status"] = "ACTIVE"
        # The answer still has the old status.
        if kind in (
            ServerPolicy,
            ServerPolicyRule,
        ):
            inputs["status"] = state["status"] = exchange["request_body"][
                "status"
            ]
        resource.update(path.rsplit("/", 1)[1], state, inputs)
        where = (
            f"{exchange['run']} {exchange['step']}, exchange {exchange['seq']}"
        )
        assert ("PUT", path, exchange["request_body"]) in api.asked, where
        repeated[kind.__name__] += 1
    print(f"\nrepeated updates of the official plugin: {dict(repeated)}")
    assert sum(repeated.values()) >= 40


ORIGIN = {
    "id": "tos",
    "name": "o",
    "origin": "https://o.example.com",
    "status": "ACTIVE",
    "scopes": [{"type": "CORS"}],
}
PATH = "/api/v1/trustedOrigins"


def test_an_origin_takes_one_call_to_make_and_one_to_change() -> None:
    """By the provider's source, in the SDK's version: no status in the create, no read, no
    lifecycle call."""
    api = Recorder(ORIGIN)
    origin = Origin(api)
    inputs = {
        name: ORIGIN[name] for name in ("name", "origin", "scopes", "status")
    }
    written = {name: ORIGIN[name] for name in ("name", "origin", "scopes")}
    identifier, state = origin.create(inputs)
    assert (identifier, state["status"], state["scopes"]) == (
        "tos",
        "ACTIVE",
        [{"type": "CORS"}],
    )
    assert not origin.differences(state, inputs, inputs).changed
    assert not origin.differences(state, inputs, written).changed
    origin.update("tos", state, {**written, "name": "p"})
    assert api.asked == [
        ("POST", PATH, written),
        ("PUT", f"{PATH}/tos", {**written, "name": "p", "status": "ACTIVE"}),
    ]
    with pytest.raises(ProviderError, match="inconsistent result after apply"):
        origin.create({**inputs, "status": "INACTIVE"})
    assert [
        problem.path
        for problem in origin.problems(
            {"name": "o", "origin": "https://o.example.com"}
        )
    ] == ["scopes"]
