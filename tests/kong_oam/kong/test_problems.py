"""Problem details (RFC 9457) for answers of Kong and its plugins instead of the gate or the
workload (a stand-in for Kong)."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from sandbox.kong import Answer, Kong
from tests.support import kong_deployment
from tests.support.estates import api, estate
from tests.support.gateway_cases import Case
from tests.support.gateway_estates import Scene, issuers, stack
from tests.support.json_object import JsonObject

STACK = stack("tests", "http")
ORDERS = api(
    access="""
            owner: team
            scopes: {read: Read}
            rules:
              - {paths: [/orders], methods: [GET], scopes: [read]}
              - {paths: [/orders/health], methods: [GET], public: {reason: probes}}
            roles: {viewer: {scopes: [read], groups: [sales]}}
"""
)
CLOSED = api("closed", domain="closed.example.com", http="{/: 80}")
"""Without rules, so that each call needs a token."""
SCENE = Scene(estate(ORDERS, CLOSED, stack=STACK), issuers(STACK, time.time()))
MAIN = SCENE.issuers["main"]
CALL = Case(
    "GET",
    "orders.example.com",
    b"/orders",
    (f"Bearer {MAIN.service(['read'])}",),
)
"""A call that the gate lets through to the workload."""
SERVICE = "kong-oam.tests.orders.api.8080"


@pytest.fixture
def kong() -> Iterator[Kong]:
    with Kong(now=lambda: SCENE.now) as gateway:
        kong_deployment.deploy(gateway.admin_url, SCENE.estate, SCENE.pems)
        yield gateway


def answers(kong: Kong, **config: Any) -> None:
    """Has a plugin of somebody's answer at the service, behind authentication and before the gate."""
    body = {"name": "request-termination", "config": config}
    assert (
        httpx.post(
            f"{kong.admin_url}/services/{SERVICE}/plugins", json=body
        ).status_code
        == 201
    )


def problem_of(answer: Answer) -> JsonObject:
    """The problem of an answer, which has the id that the answer's header has."""
    headers = {name.lower(): value for name, value in answer.headers}
    assert headers["content-type"] == "application/problem+json"
    body: JsonObject = json.loads(answer.body)
    assert body.pop("requestId") == headers["x-kong-request-id"]
    assert body.pop("status") == answer.status
    return body


@pytest.mark.parametrize(
    ("status", "code", "title"),
    [
        (413, "too-large", "The request is too large"),
        (429, "too-many-requests", "There were too many requests"),
        (500, "failed", "The gateway failed"),
        (503, "unavailable", "The service is not available"),
    ],
)
def test_what_a_plugin_refuses_is_a_problem(
    kong: Kong, status: int, code: str, title: str
) -> None:
    """With Kong's own text in JSON; its other headers stay."""
    answers(kong, status_code=status)
    assert problem_of(kong.handle(CALL.raw(), STACK.scheme)) == {
        "type": f"urn:kong-oam:problem:{code}",
        "title": title,
    }


@pytest.mark.parametrize(
    "config",
    [
        {"status_code": 418},
        {"status_code": 503, "body": "<p>", "content_type": "text/html"},
    ],
)
def test_what_somebody_wrote_stays(kong: Kong, config: JsonObject) -> None:
    """A page for maintenance, and statuses that nobody knows the reason of."""
    answers(kong, **config)
    answer = kong.handle(CALL.raw(), STACK.scheme)
    assert answer.status == config["status_code"]
    assert "application/problem+json" not in dict(answer.headers).values()


def test_a_refusal_of_jwt_is_a_problem(kong: Kong) -> None:
    """The component has no public paths, so the gate never sees these requests."""
    call = Case("GET", "closed.example.com", b"/")
    answer = kong.handle(call.raw(), STACK.scheme)
    assert (answer.status, problem_of(answer)["type"]) == (
        401,
        "urn:kong-oam:problem:token-needed",
    )
    expired = MAIN.token([], exp=SCENE.now - 1)
    stale = kong.handle(
        replace(call, authorization=(f"Bearer {expired}",)).raw(), STACK.scheme
    )
    assert (stale.status, problem_of(stale)["type"]) == (
        401,
        "urn:kong-oam:problem:token-not-verified",
    )


def test_a_workload_that_cannot_be_reached_is_a_problem(kong: Kong) -> None:
    """502, with Kong's error in place of an answer."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        with kong_deployment.Entities(kong.admin_url, keep=True) as entities:
            found = httpx.get(
                f"{kong.admin_url}/services/{SERVICE}/plugins"
            ).json()["data"]
            gate = next(
                plugin for plugin in found if plugin["name"] == "post-function"
            )
            config = entities.configs(
                SCENE.estate,
                SCENE.estate.components["orders/api"],
                "8080",
                "127.0.0.1",
                silent.getsockname()[1],
            )
            entities.change(
                f"/plugins/{gate['id']}", {"config": config["post-function"]}
            )
        with socket.create_connection(
            ("127.0.0.1", int(kong.proxy_url.rpartition(":")[2])), 10
        ) as connection:
            connection.sendall(CALL.raw(b"Connection: close"))
            head, _, body = (
                connection.makefile("rb").read().partition(b"\r\n\r\n")
            )
    assert head.startswith(b"HTTP/1.1 502")
    assert json.loads(body)["type"] == "urn:kong-oam:problem:upstream-failed"
