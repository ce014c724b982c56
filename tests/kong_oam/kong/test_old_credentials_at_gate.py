"""Old credentials until a date: the emitted Lua and the plugins answer as `decide` does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import product

import httpx
import pytest

from kong_oam.access.before import By
from kong_oam.kong.script import with_table
from sandbox.kong import Kong
from sandbox.kong.callers import identify
from sandbox.kong.exchange import Exchange
from sandbox.kong.key_auth import KeyAuth
from tests.support.gateway_estates import Scene
from tests.support.json_object import JsonObject
from tests.support.old_credentials import (
    LAST_SECOND,
    gateway,
    meant,
    mixes,
    password,
    scene,
    sent,
    texts,
)

TARGETS = [
    ("GET", "/orders"),
    ("HEAD", "/orders/7"),
    ("POST", "/orders"),
    ("DELETE", "/orders"),
    ("GET", "/orders/health"),
    ("GET", "/orders/..%2f7"),
]


def by_kind(by: By, now: float) -> Scene:
    return scene(*texts(by), now=now)


@pytest.fixture(scope="module", params=["key-auth", "basic-auth"])
def by(request: pytest.FixtureRequest) -> By:
    kind: By = request.param
    return kind


@pytest.fixture(scope="module", params=[LAST_SECOND, LAST_SECOND + 1])
def at(request: pytest.FixtureRequest, by: By) -> Scene:
    return by_kind(by, request.param)


@pytest.fixture(scope="module")
def kong(at: Scene) -> Iterator[Kong]:
    with gateway(at) as running:
        yield running


def test_a_gateway_answers_every_mix_of_credentials_as_the_model_does(
    kong: Kong, at: Scene, by: By
) -> None:
    """Keys, passwords and tokens of every kind, alone and together, before and after the last
    day."""
    statuses = set()
    every = product(mixes(at, by), TARGETS)
    for (mix, (lines, consumer)), (method, target) in every:
        decision = meant(
            at,
            *lines,
            target=target,
            method=method,
            credential=(consumer, by) if consumer else None,
        )
        answered = sent(kong, *lines, target=target, method=method)
        statuses.add(answered["status"])
        case = mix, method, target, decision.reason
        assert answered["status"] == decision.status, case
        if decision.status == 401 and method != "HEAD":
            kind = json.loads(answered["body"])["type"]
            assert kind == f"urn:kong-oam:problem:{decision.code}", case
    assert statuses == {200, 400, 401, 403}


def test_a_workload_gets_the_client_and_never_the_credential(
    kong: Kong, at: Scene, by: By
) -> None:
    """The headers name the client as a token's headers do."""
    line = f"Authorization: {password('acme')}"
    if by == "key-auth":
        line = "apikey: acme-key"
    answered = sent(kong, line, "X-Auth-Client: forged")
    if at.now > LAST_SECOND:
        assert answered["status"] == 401
        answered = sent(kong, line, target="/orders/health")
    headers = answered["headers"]
    assert "apikey" not in headers
    assert "authorization" not in headers
    named = {k: v for k, v in headers.items() if k.startswith("x-auth-")}
    if at.now > LAST_SECOND:
        assert named == {}
    else:
        assert named == {
            "x-auth-client": "acme/partner",
            "x-auth-subject": "acme/partner",
            "x-auth-scopes": "read",
        }
        assert headers["x-consumer-username"] == "acme"


def test_a_registered_client_has_its_own_id_by_key() -> None:
    """The workload sees the same client before and after it switches to tokens."""
    orders, acme = texts()
    acme = acme.replace(
        "      type: external\n",
        "      type: external\n      properties: {jwksUri: https://acme.example.com/jwks}\n",
    )
    at = scene(orders, acme)
    with gateway(at) as kong:
        answered = sent(kong, "apikey: acme-key")
    # Tests have no provider, so the client's id is its component.
    assert answered["headers"]["x-auth-client"] == "acme/partner"
    assert [client.component for client in at.estate.own_clients][:1] == [
        "acme/partner"
    ]


def test_a_key_in_the_query_counts_only_if_the_component_says_so() -> None:
    """By default only a header counts. The workload gets no argument with the key."""
    orders, acme = texts()
    with gateway(scene(orders, acme)) as kong:
        assert sent(kong, target="/orders?apikey=acme-key")["status"] == 401
    orders = orders.replace(
        "reason: keys}", "reason: keys, names: [k], in: [query]}"
    )
    at = scene(orders, acme)
    with gateway(at) as kong:
        answered = sent(kong, target="/orders?x=1&k=acme-key")
        assert (answered["status"], answered["target"]) == (200, "/orders?x=1")
        assert sent(kong, "k: acme-key")["status"] == 401
        token = f"Authorization: Bearer {at.issuers['main'].service(['read'])}"
        assert sent(kong, token)["status"] == 200
        mixed = sent(kong, token, target="/orders?k=acme-key")
    assert mixed["status"] == 401
    assert meant(at, token, target="/orders?k=acme-key").status == 401


KEY = {"id": "1", "key": "acme-key"}


@pytest.mark.parametrize(
    ("credential", "status"),
    [
        (KEY, 200),
        ({"key": "k9", "secret": "s", "algorithm": "HS256"}, 401),
        ({"key": "k9", "algorithm": "RS256", "rsa_public_key": "p"}, 401),
        ({"username": "u", "secret": "s"}, 401),
        ({"client_id": "i", "client_secret": "s"}, 401),
        ({"id": "1"}, 401),
        ({"username": "u", "password": "p"}, 401),
        ({**KEY, "consumer": {"id": "another"}}, 401),
    ],
)
def test_only_a_credential_of_the_declared_kind_counts(
    monkeypatch: pytest.MonkeyPatch, credential: JsonObject, status: int
) -> None:
    """Another plugin may authenticate the same consumer by its own credential."""

    def access(_: KeyAuth, exchange: Exchange, __: JsonObject) -> None:
        for consumer in exchange.credentials.tables["consumers"].values():
            if consumer["username"] == "acme":
                owner = {"consumer": {"id": consumer["id"]}}
                identify(exchange, consumer, {**owner, **credential}, "1")

    monkeypatch.setattr(KeyAuth, "access", access)
    with gateway(scene()) as kong:
        assert sent(kong)["status"] == status


def test_the_keys_of_a_ring_never_count_as_old_credentials() -> None:
    """Somebody may add a key to the consumer that holds the issuer's keys."""
    with gateway(scene()) as kong:
        ring = "/consumers/kong-oam.tests.ring.main/key-auth"
        added = httpx.post(f"{kong.admin_url}{ring}", json={"key": "ring-key"})
        assert added.status_code == 201
        assert sent(kong, "apikey: ring-key")["status"] == 401


def test_a_renamed_consumer_no_longer_counts() -> None:
    """The gate knows the consumer by its name."""
    with gateway(scene()) as kong:
        assert sent(kong, "apikey: acme-key")["status"] == 200
        changed = {"username": "acme2"}
        httpx.patch(f"{kong.admin_url}/consumers/acme", json=changed)
        assert sent(kong, "apikey: acme-key")["status"] == 401


@pytest.mark.parametrize("kind", ["pre-function", "post-function"])
@pytest.mark.parametrize("change", ["ended", "unknown", "removed"])
def test_both_tables_must_accept_an_old_credential(
    kind: str, change: str
) -> None:
    """Between two updates, admission and the gate have different tables."""

    def changed(text: str) -> str:
        data = json.loads(text)
        if change == "removed":
            del data["before"], data["before_in"]
        elif change == "unknown":
            data["before"] = {"another": data["before"]["acme"]}
        else:
            data["before"]["acme"]["ends"] = LAST_SECOND
        return json.dumps(data)

    at = scene()
    token = f"Authorization: Bearer {at.issuers['main'].service(['read'])}"
    with gateway(at) as kong:
        assert sent(kong, "apikey: acme-key")["status"] == 200
        change_table(kong, kind, changed)
        assert sent(kong, "apikey: acme-key")["status"] == 401
        assert sent(kong, token)["status"] == 200


def change_table(kong: Kong, kind: str, change: Callable[[str], str]) -> None:
    """Change the table of one of the two scripts by hand."""
    (plugin,) = (
        plugin for plugin in kong.entities("plugins") if plugin["name"] == kind
    )
    first, *more = plugin["config"]["access"]
    body = {"config": {"access": [with_table(first, change), *more]}}
    path = f"{kong.admin_url}/plugins/{plugin['id']}"
    httpx.patch(path, json=body).raise_for_status()


@pytest.mark.parametrize(
    "wrong", [{"acme": {}}, {"acme": {"ends": "x", "scopes": []}}, [], "acme"]
)
def test_a_table_with_a_wrong_entry_denies_keys(wrong: object) -> None:
    """The gate answers 500 or 401, never 200, and its code still starts."""
    with gateway(scene()) as kong:
        for kind in ("pre-function", "post-function"):
            change_table(
                kong,
                kind,
                lambda text: json.dumps({**json.loads(text), "before": wrong}),
            )
        status = sent(kong, "apikey: acme-key")["status"]
        assert status in (401, 500)
        assert sent(kong)["status"] == 401
