"""The kong stand-in sends the official plugin's recorded requests, with its faults."""

import json
from collections import Counter
from typing import Any

import pytest

from sandbox.plugins.http import Answer
from sandbox.plugins.kong import (
    AdminApi,
    Certificate,
    Consumer,
    ConsumerAcl,
    ConsumerJwtAuth,
    Entity,
    KongPlugin,
    Route,
    Service,
)
from sandbox.plugins.provider import Naming, _state
from sandbox.plugins.values import SECRET, SIGNATURE
from tests.support.json_object import JsonObject
from tests.support.repository import DATA

TRAFFIC = DATA / "kong-3.10" / "traffic-official-plugin.jsonl"
KINDS = {
    "services": Service,
    "routes": Route,
    "plugins": KongPlugin,
    "consumers": Consumer,
    "jwt": ConsumerJwtAuth,
}
KINDS |= {"certificates": Certificate}


class Recorder(AdminApi):
    """An Admin API that answers every request with the same body, and keeps the requests."""

    def __init__(self, answer: JsonObject, status: int = 200) -> None:
        super().__init__()
        self.asked: list[tuple[str, str, Any]] = []
        self._answer = Answer(status, answer, json.dumps(answer), {})

    def send(self, method: str, path: str, body: Any = None) -> Answer:
        """Keep the request."""
        self.asked.append((method, path, body))
        return self._answer


def _kind(path: str) -> str | None:
    parts = path.strip("/").split("/")
    name = parts[2] if len(parts) > 2 else parts[0]
    return name if name in KINDS else None


def _inputs(resource: Entity, exchange: JsonObject) -> JsonObject:
    """Return the program's inputs of a recorded write: every field that was sent, as Kong's answer
    has it."""
    state = resource._state(exchange["response_body"], {"strictMatch": True})
    sent = {
        key: value
        for key, value in state.items()
        if resource.fields.get(key, None) is None
    }
    sent |= {
        key: value
        for key, value in state.items()
        if key in resource.fields and _sends(resource, key, exchange)
    }
    if "config" in exchange["request_body"]:
        sent["configJson"] = json.dumps(exchange["request_body"]["config"])
    return resource.check(
        {k: v for k, v in sent.items() if k != "strictMatch"},
        {},
        Naming("recorded", b""),
    )


def _sends(resource: Entity, key: str, exchange: JsonObject) -> bool:
    return resource.fields[key].name in exchange["request_body"]


def test_every_recorded_write_of_the_official_plugin_is_repeated() -> None:
    """For the same inputs: the same method, path and body, followed by a GET of the entity."""
    if not TRAFFIC.exists():
        pytest.skip(f"{TRAFFIC.name} is not beside this checkout")
    repeated: Counter[str] = Counter()
    for line in TRAFFIC.read_text().splitlines():
        exchange = json.loads(line)
        kind = _kind(exchange["path"])
        by_hand = exchange["request_headers"].get("user-agent") == "by-hand"
        if (
            kind is None
            or by_hand
            or exchange["method"] not in ("POST", "PATCH")
            or exchange["status"] >= 300
        ):
            continue
        api = Recorder(
            {**exchange["response_body"], "data": [exchange["response_body"]]}
        )
        resource = KINDS[kind](api)
        inputs, entity = _inputs(resource, exchange), exchange["response_body"]
        if exchange["method"] == "POST":
            resource.create(inputs)
        else:
            owner = f"|{entity['consumer']['id']}" if kind == "jwt" else ""
            resource.update(f"{entity['id']}{owner}", inputs, inputs)
        where = f"{exchange['step']}, exchange {exchange['seq']}"
        assert api.asked[0] == (
            exchange["method"],
            exchange["path"],
            exchange["request_body"],
        ), where
        assert api.asked[1][0] == "GET", where
        repeated[kind] += 1
    print(f"\nrepeated writes of the official plugin: {dict(repeated)}")
    assert sum(repeated.values()) >= 295


def test_the_key_of_a_certificate_is_secret_whoever_wrote_it() -> None:
    """The official schema marks it: the engine encrypts it even where the program did not."""
    struct: Any = _state(
        Certificate(AdminApi()), {"certificate": "PEM", "privateKey": "KEY"}
    )
    assert dict(struct["privateKey"]) == {SIGNATURE: SECRET, "value": "KEY"}
    assert struct["certificate"] == "PEM"


CONFIG = {"anonymous": "somebody", "claims_to_verify": ["exp"]}
ENTITY = {"id": "p", "name": "jwt", "enabled": True, "config": CONFIG}


@pytest.mark.parametrize(
    ("strict", "changed"), [(True, {"configJson"}), (False, set())]
)
def test_drift_of_a_configuration_is_only_seen_with_strict_match(
    strict: bool, changed: set[str]
) -> None:
    """The same change made by hand: with strict match an update, without it nothing."""
    plugin = KongPlugin(Recorder(ENTITY))
    written = '{"anonymous":null,"claims_to_verify":["exp"]}'
    inputs = {
        "name": "jwt",
        "enabled": True,
        "strictMatch": strict,
        "configJson": written,
    }
    found = plugin.read("p", inputs, inputs)
    assert found is not None
    assert (
        plugin.differences(found.state, found.inputs, inputs).changed == changed
    )


def test_a_group_is_made_below_its_consumer() -> None:
    """The id has both, as the id of a credential does."""
    api = Recorder({"id": "a", "consumer": {"id": "c"}, "group": "readers"})
    made = ConsumerAcl(api).create({"consumerId": "c", "group": "readers"})
    assert made[0] == "a|c"
    assert api.asked[0] == ("POST", "/consumers/c/acls", {"group": "readers"})
