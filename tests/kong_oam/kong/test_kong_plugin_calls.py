"""Calls before which plugins stand that an Application asks for, and those that open WebSockets, on a stand-in for Kong."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from sandbox.kong import Kong
from sandbox.kong.proxy import Answer
from tests.support.estates import estate
from tests.support.gateway_estates import Scene, issuers, stack, with_callers
from tests.support.kong_deployment import Entities

STACK = stack("plugins", "http")
NOW = time.time()
ISSUERS = issuers(STACK, NOW)
ISSUER = ISSUERS["main"]
ORDERS = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x}
      traits:
        - {type: gateway, properties: {domain: orders.example.com, http: {/orders: 8080}}}
        - type: access
          properties:
            owner: team
            scopes: {orders.read: r}
            rules: [{paths: [/orders], methods: [GET], scopes: [orders.read]}]
            roles: {viewer: {scopes: [orders.read], groups: [sales]}}
        - type: kong-plugin
          properties: {name: correlation-id, config: {header_name: X-Cid, echo_downstream: true}}
        - {type: kong-plugin, properties: {name: bot-detection, config: {deny: [BadBot]}}}
"""
TOKEN = "Authorization: Bearer " + ISSUER.user(["orders.read"], ["sales"])
WITHOUT = "Authorization: Bearer " + ISSUER.user([], ["sales"])
UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: eA==",
)


@pytest.fixture(scope="module")
def kong() -> Iterator[Kong]:
    own = with_callers(estate(ORDERS, stack=STACK))
    with Kong(now=lambda: NOW) as node, Entities(node.admin_url) as made:
        made.estate(own, Scene(own, ISSUERS).pems, "upstream.test")
        yield node


def call(kong: Kong, *headers: str) -> Answer:
    lines = [
        "GET /orders HTTP/1.1",
        "Host: orders.example.com",
        *headers,
        "",
        "",
    ]
    return kong.handle("\r\n".join(lines).encode(), scheme="http")


@pytest.mark.parametrize(
    "more_headers", [(), UPGRADE], ids=["call", "websocket"]
)
def test_calls_are_judged_as_without_them(
    kong: Kong, more_headers: tuple[str, ...]
) -> None:
    """This includes calls that open a WebSocket: the workload sees only calls that the gate allows."""
    for headers, status in (((TOKEN,), 200), ((), 401), ((WITHOUT,), 403)):
        answer = call(kong, *headers, *more_headers)
        assert (answer.status, answer.upstream is not None) == (
            status,
            status == 200,
        )


def test_each_does_what_it_does_beside_the_gate(kong: Kong) -> None:
    """Each plugin marks a call, or denies a call that the gate would allow. None allows a further
    caller."""
    passed = call(kong, TOKEN)
    assert passed.upstream is not None
    (marked,) = (
        value for name, value in passed.upstream.headers if name == "X-Cid"
    )
    assert dict(passed.headers)["X-Cid"] == marked
    assert call(kong, TOKEN, "User-Agent: BadBot/1").status == 403
    assert call(kong, "User-Agent: GoodBot/1", "X-Cid: x").status == 401
