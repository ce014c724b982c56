"""The state of the stack, as the engine returns it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pulumi
import pytest

from components import state as engine
from components.state import recorded
from kong_oam.engine.state import PLUGIN, ROUTE, StackState
from tests.support.json_object import JsonObject

CONSUMER = "kong:index/consumer:Consumer"
KEY = "tls:index/privateKey:PrivateKey"
SERVER = "okta:auth/server:Server"
STACK = "pulumi:pulumi:Stack"


def urn(kind: str, name: str) -> str:
    return f"urn:pulumi:prod::kong-oam::kong-oam:gateway:Gateway${kind}::{name}"


def told(*resources: tuple[str, str, JsonObject]) -> JsonObject:
    """The answer of the engine's built-in provider."""
    return {
        "outputs": {
            urn(kind, name): {"type": kind, "outputs": outputs}
            for kind, name, outputs in resources
        }
    }


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, JsonObject]]:
    """The requests to the engine, filled during the test."""
    calls: list[tuple[str, JsonObject]] = []

    def invoke(token: str, arguments: JsonObject) -> SimpleNamespace:
        calls.append((token, arguments))
        return SimpleNamespace(
            value=told(
                (SERVER, "okta-server", {"issuer": "https://okta.example.com"}),
                (
                    CONSUMER,
                    "gateway-ring-okta",
                    {"customId": "https://issuer.example.com"},
                ),
                (
                    CONSUMER,
                    "gateway-ring-corp",
                    {"customId": "https://corp.example.com"},
                ),
                (CONSUMER, "gateway-ring-new", {}),
                (
                    CONSUMER,
                    "gateway-anonymous",
                    {"customId": "kong-oam.prod.anonymous"},
                ),
                (
                    "kong:index/consumerJwtAuth:ConsumerJwtAuth",
                    "gateway-ring-okta-slot-0",
                    {"customId": "https://odd"},
                ),
                (PLUGIN, "orders/api-8080-gate", {"configJson": "{}"}),
                (ROUTE, "orders/api-protected-1-8080", {"name": "r"}),
                (
                    "kong:index/service:Service",
                    "orders/api-8080-service",
                    {"host": "api.test", "port": 80.0},
                ),
                (STACK, "kong-oam-prod", {"keySlots": {"okta": []}}),
                (
                    KEY,
                    "okta-key-shop/checkout-a",
                    {"algorithm": "RSA", "privateKeyPem": "never read"},
                ),
            )
        )

    monkeypatch.setattr(engine, "invoke", invoke)
    for name, value in (
        ("organization", "acme"),
        ("project", "kong-oam"),
        ("stack", "prod"),
    ):
        monkeypatch.setattr(pulumi, f"get_{name}", lambda value=value: value)
    return calls


def test_the_engine_is_asked_once_for_this_very_stack(
    asked: list[tuple[str, JsonObject]],
) -> None:
    """The request has the full name, because another organization may have a stack of the same
    name."""
    recorded()
    assert asked == [
        (
            "pulumi:pulumi:readStackResourceOutputs",
            {"stackName": "acme/kong-oam/prod"},
        )
    ]


def test_recorded_names_and_accepted_issuers(
    asked: list[tuple[str, JsonObject]],
) -> None:
    """Names have types. Only key rings give issuers. A run that ended before it created a key ring
    leaves no issuer."""
    assert replace(recorded(), urns={}, resources=()) == StackState(
        recorded_names=frozenset(
            {
                (SERVER, "okta-server"),
                (CONSUMER, "gateway-ring-okta"),
                (CONSUMER, "gateway-ring-corp"),
                (CONSUMER, "gateway-ring-new"),
                (CONSUMER, "gateway-anonymous"),
                (
                    "kong:index/consumerJwtAuth:ConsumerJwtAuth",
                    "gateway-ring-okta-slot-0",
                ),
                (PLUGIN, "orders/api-8080-gate"),
                (ROUTE, "orders/api-protected-1-8080"),
                ("kong:index/service:Service", "orders/api-8080-service"),
                (STACK, "kong-oam-prod"),
                (KEY, "okta-key-shop/checkout-a"),
            }
        ),
        issuers={
            "okta": "https://issuer.example.com",
            "corp": "https://corp.example.com",
        },
        outputs={"keySlots": {"okta": []}},
    )
    assert recorded().plugins == {"orders/api-8080-gate": "{}"}


def test_a_component_records_its_clients(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The record goes with the component to another stack. The stack's own output is not read."""
    start, component = "urn:pulumi:prod::kong-oam::", "kong-oam:index:Component"
    outputs = {
        f"{start}{STACK}::kong-oam-prod": {
            "type": STACK,
            "outputs": {"credentials": {"shop/web at okta": {"number": 1}}},
        },
        f"{start}{component}::shop/job": {
            "type": component,
            "outputs": {"credentials": {"shop/job at okta": {"number": 3}}},
        },
        f"{start}{component}::shop/api": {"type": component, "outputs": {}},
    }
    monkeypatch.setattr(
        engine, "invoke", lambda *_: SimpleNamespace(value={"outputs": outputs})
    )
    for name in ("organization", "project", "stack"):
        monkeypatch.setattr(pulumi, f"get_{name}", lambda: "")
    assert recorded().credentials == {"shop/job at okta": {"number": 3}}
    assert (
        recorded().urns[component, "shop/job"]
        == f"{start}{component}::shop/job"
    )


def test_a_stack_that_no_run_has_finished_has_no_outputs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A missing stack has no outputs either: the engine returns no data about it."""
    for name in ("organization", "project", "stack"):
        monkeypatch.setattr(pulumi, f"get_{name}", lambda: "x")
    for resources in ((), ((SERVER, "okta-server", {}),)):
        monkeypatch.setattr(
            engine,
            "invoke",
            lambda *_, known=resources: SimpleNamespace(value=told(*known)),
        )
        assert recorded().outputs == {}
