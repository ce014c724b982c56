"""Traits and records with WebSockets and streams of events, on a live Kong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from kong_oam.access.settings.logs import HttpSink, LogSettings
from kong_oam.access.stack import Records
from tests.support.estates import api, estate
from tests.support.gateway_cases import Case
from tests.support.gateway_estates import Scene, with_callers
from tests.support.kong_deployment import Entities
from tests.support.live.gateway import LiveGateway, ask
from tests.support.live.run import RUN, issuers, stack, upstream_host
from tests.support.live.streams import UPGRADE, Opened, Streams
from tests.support.receivers import Receiver

HOST = f"traits.{RUN}.example.com"
NAME = f"{RUN}-traits"
PAGE = "https://partner.example"
HOURLY = 3
"""The budget of a user. Each node counts for itself."""
ACCESS = """
            owner: team
            scopes: {orders.read: r}
            rules: [{paths: [/orders], methods: [GET], scopes: [orders.read]}]
            roles: {viewer: {scopes: [orders.read], groups: [sales]}}
"""
TRAITS = f"""
        - {{type: rate-limit, properties: {{per: user, requests: {{hour: {HOURLY}}}}}}}
        - {{type: ip-allow, properties: {{from: [127.0.0.1/32]}}}}
        - {{type: cors, properties: {{origins: ["{PAGE}"]}}}}
        - {{type: headers, properties: {{preset: secure}}}}
"""


@pytest.fixture(scope="module")
def streams(live: LiveGateway) -> Iterator[tuple[Streams, Receiver]]:
    """Yield a workload behind its gate, once every worker has it, and the receiver of the records."""
    if upstream_host() != "127.0.0.1":
        pytest.skip("the sink listens on loopback, and this Kong is elsewhere")
    text = api(domain=HOST, access=ACCESS).rstrip("\n") + TRAITS
    own = with_callers(
        estate(text, stack=replace(stack(NAME), records=Records()))
    )
    with Streams() as behind, Receiver() as sink:
        logs = LogSettings(HttpSink(sink.url))
        with Entities(
            live.target.admin_url, live.target.token, logs=logs
        ) as made:
            made.estate(
                own,
                Scene(own, issuers(NAME)).pems,
                upstream_host(),
                behind.port,
            )
            live.await_steady(
                [(Case("GET", HOST, b"/orders"), 401)],
                3 * made.facts.settle + 60,
            )
            time.sleep(made.facts.settle)
            yield behind, sink


def raw(user: str, *headers: bytes) -> bytes:
    token = issuers(NAME)["main"].user(["orders.read"], ["sales"], sub=user)
    lines = [
        b"GET /orders/live HTTP/1.1",
        b"Host: " + HOST.encode(),
        b"Authorization: Bearer " + token.encode(),
    ]
    return b"\r\n".join([*lines, b"".join(headers)]) + b"\r\n"


def request_id(opened: Opened) -> str:
    (line,) = (
        line
        for line in opened.head.decode().split("\r\n")
        if line.lower().startswith("x-kong-request-id:")
    )
    return line.partition(":")[2].strip()


def require_request_id(live: LiveGateway) -> None:
    """Skip a test that finds records by a header of the answer, if this Kong sends none."""
    if lacking := live.target.lacks("X-Kong-Request-Id"):
        pytest.skip(lacking)


@pytest.mark.parametrize(
    ("kind", "headers", "status"),
    [("websocket", UPGRADE, 101), ("events", b"", 200)],
)
def test_each_has_one_record_once_it_ends(
    live: LiveGateway,
    streams: tuple[Streams, Receiver],
    kind: str,
    headers: bytes,
    status: int,
) -> None:
    """The record has the decision on the opening request, and the duration."""
    require_request_id(live)
    _, sink = streams
    with Opened(
        live.target.proxy,
        raw(kind, headers, b"Origin: " + PAGE.encode() + b"\r\n"),
    ) as connected:
        assert connected.status == status
        assert (
            b"\r\nx-content-type-options: nosniff\r\n" in connected.head.lower()
        )
        assert (
            f"\r\naccess-control-allow-origin: {PAGE}\r\n".encode()
            in connected.head.lower()
        )
        time.sleep(1.5)
        assert not [
            payload
            for payload in sink.payloads
            if request_id(connected).encode() in payload
        ]
    record = sink.record(request_id(connected))
    assert (record["status"], record["code"], record["decision"]) == (
        status,
        "allowed",
        "allowed",
    )
    assert record["subject"] == kind and record["latencies"]["request"] >= 1500
    assert (
        len(
            [
                payload
                for payload in sink.payloads
                if request_id(connected).encode() in payload
            ]
        )
        == 1
    )


@pytest.mark.parametrize("headers", [UPGRADE, b""], ids=["websocket", "events"])
def test_opening_one_counts_as_one_request(
    live: LiveGateway, streams: tuple[Streams, Receiver], headers: bytes
) -> None:
    """Duration and data do not matter; the request above the limit is denied, and recorded so."""
    require_request_id(live)
    if not live.metrics:
        pytest.skip("each node counts for itself, and their number is unknown")
    behind, sink = streams
    user = f"counted-{len(headers)}"
    before = len(behind.heads)
    budget = HOURLY * len(live.metrics)
    statuses: list[int] = []
    while 429 not in statuses and len(statuses) <= budget:
        with Opened(live.target.proxy, raw(user, headers)) as connected:
            statuses.append(connected.status)
    *opened, refused = statuses
    assert refused == 429
    assert {*opened} <= {101, 200}
    assert len(opened) >= HOURLY
    assert sink.record(request_id(connected))["code"] == "too-many-requests"
    assert len(behind.heads) == before + len(opened)


@pytest.mark.parametrize(
    "headers", [UPGRADE, b"Connection: close\r\n"], ids=["websocket", "events"]
)
def test_none_is_opened_from_elsewhere(
    live: LiveGateway, streams: tuple[Streams, Receiver], headers: bytes
) -> None:
    behind, _ = streams
    before = len(behind.heads)
    assert (
        ask(live.target.proxy, raw("far", headers), source="127.0.0.2") == 403
    )
    assert len(behind.heads) == before
