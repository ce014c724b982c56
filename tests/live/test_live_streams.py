"""WebSockets and streams of events through a live Kong: a valid token opens them, and later data is
not judged."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.support.estates import api, estate
from tests.support.gateway_cases import Case
from tests.support.gateway_estates import Scene, with_callers
from tests.support.live.gateway import LiveGateway
from tests.support.live.run import (
    RUN,
    bind_address,
    issuers,
    stack,
    upstream_host,
)
from tests.support.live.streams import UPGRADE, Opened, Streams

HOST = f"streams.{RUN}.example.com"
NAME = f"{RUN}-streams"
ACCESS = """
            owner: team
            scopes: {orders.read: r}
            rules: [{paths: [/orders], methods: [GET], scopes: [orders.read]}]
            roles: {viewer: {scopes: [orders.read], groups: [sales]}}
"""
SHORT = 8.0
"""The lifetime of a token in seconds: Kong accepts it until its `exp`."""


@pytest.fixture(scope="module")
def streams(live: LiveGateway) -> Iterator[Streams]:
    """Yield a workload behind its gate, once every worker has it."""
    own = with_callers(
        estate(api(domain=HOST, access=ACCESS), stack=stack(NAME))
    )
    bind = bind_address()
    with (
        Streams(bind) as behind,
        live.target.deploying() as made,
    ):
        made.estate(
            own, Scene(own, issuers(NAME)).pems, upstream_host(), behind.port
        )
        live.await_steady(
            [(Case("GET", HOST, b"/orders"), 401)], 3 * made.facts.settle + 60
        )
        time.sleep(made.facts.settle)
        yield behind


def opened(
    live: LiveGateway,
    token: str | None,
    *headers: bytes,
    path: bytes = b"/orders/live",
    timeout: float = 15,
) -> Opened:
    lines = [b"GET " + path + b" HTTP/1.1", b"Host: " + HOST.encode()]
    lines += [b"Authorization: Bearer " + token.encode()] if token else []
    return Opened(
        live.target.proxy,
        b"\r\n".join([*lines, b"".join(headers)]) + b"\r\n",
        timeout,
    )


def tokens() -> dict[str, str]:
    issuer = issuers(NAME)["main"]
    return {
        "short": issuer.user(
            ["orders.read"], ["sales"], exp=int(time.time() + SHORT)
        ),
        "without the scope": issuer.user([], ["sales"]),
        "over": issuer.user(
            ["orders.read"], ["sales"], exp=int(time.time()) - 60
        ),
    }


@pytest.mark.parametrize("headers", [UPGRADE, b""], ids=["websocket", "events"])
def test_streams_without_a_valid_token_reach_no_workload(
    live: LiveGateway, streams: Streams, headers: bytes
) -> None:
    """401 or 403, as for any other request, and none reaches the workload."""
    before = len(streams.heads)
    for token, status in (
        (None, 401),
        (tokens()["over"], 401),
        (tokens()["without the scope"], 403),
    ):
        with opened(live, token, headers) as connected:
            assert connected.status == status
    assert len(streams.heads) == before


@pytest.mark.parametrize(
    "connection",
    [
        b"keep-alive, Upgrade",
        b"upgrade,Keep-Alive",
        b"keep-alive\r\nConnection: Upgrade",
    ],
)
def test_a_websocket_opens_as_browsers_and_proxies_ask_for_it(
    live: LiveGateway, streams: Streams, connection: bytes
) -> None:
    """Browsers and proxies name keep-alive beside Upgrade, or in a separate header."""
    headers = UPGRADE.replace(
        b"Connection: Upgrade", b"Connection: " + connection
    )
    with opened(live, tokens()["short"], headers) as connected:
        assert connected.status == 101
        assert (
            b"\r\nconnection: keep-alive, upgrade\r\n"
            in streams.heads[-1].lower()
        )
        connected.say(b"ping")
        assert connected.until(b"ping")


def test_a_websocket_outlives_the_token_that_opened_it(
    live: LiveGateway, streams: Streams
) -> None:
    """A judged GET opens it once. The workload gets the caller's name, and later data is not
    judged."""
    with opened(live, (token := tokens()["short"]), UPGRADE) as connected:
        assert connected.status == 101
        assert b"\r\nx-auth-subject: " in streams.heads[-1].lower()
        assert b"\r\nauthorization: bearer" not in streams.heads[-1].lower()
        connected.say(b"ping-1")
        assert connected.until(b"ping-1")
        time.sleep(SHORT + 1)
        with opened(live, token, UPGRADE) as again:
            assert again.status == 401
        connected.say(b"ping-2")
        assert connected.until(b"ping-2")


def test_events_go_on_after_the_token_has_ended(
    live: LiveGateway, streams: Streams
) -> None:
    """Each event arrives when it is sent, not at the end of the answer."""
    with opened(live, (token := tokens()["short"])) as connected:
        assert connected.status == 200
        began = time.monotonic()
        connected.until(b"data: 2\n\n")
        assert time.monotonic() - began < 5
        time.sleep(SHORT + 1)
        with opened(live, token) as again:
            assert again.status == 401
        connected.until(b"data: 45\n\n")


def test_events_are_held_back_unless_the_workload_says_not_to(
    live: LiveGateway, streams: Streams
) -> None:
    """The answers above had `X-Accel-Buffering: no`: without it events wait in nginx's buffers."""
    before = len(streams.heads)
    with pytest.raises(TimeoutError):
        opened(live, tokens()["short"], path=b"/orders/held", timeout=2)
    assert len(streams.heads) == before + 1
