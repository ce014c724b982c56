"""Odd requests on the wire. nginx answers some itself, and takes others that many clients would not
send. Some claim another origin on their way. The expected statuses were recorded on a Kong 3.10."""

from __future__ import annotations

import itertools
import re
import socket

import pytest

from tests.support.gateway_cases import Case
from tests.support.live.gateway import LiveGateway, Outcome
from tests.support.live.run import CASES_DOMAIN, issuer
from tests.support.live.upstream import MARK

HOST = f"orders.{CASES_DOMAIN}".encode()
_numbers = itertools.count(1)


def _raw(live: LiveGateway, raw: bytes) -> Outcome:
    """Return raw bytes with HOST for %(host)s, a mark for %(mark)s and a token with every scope for
    %(token)s."""
    mark = f"bytes-{next(_numbers)}"
    parts = {
        b"host": HOST,
        b"mark": MARK + b": " + mark.encode() + b"\r\nConnection: close",
        b"token": b"Authorization: Bearer "
        + issuer().service(["read", "write"]).encode(),
    }
    return live.outcome(
        raw % parts, raw.partition(b" ")[0].decode("latin-1"), mark
    )


def _said(live: LiveGateway, raw: bytes) -> bytes:
    """Return the gateway's answers to these bytes until it closes the connection."""
    with socket.create_connection(live.target.proxy, timeout=15) as connection:
        connection.sendall(raw)
        return b"".join(iter(lambda: connection.recv(65536), b""))


# None of these reaches a route, not even on a public path.
ANSWERED_BY_NGINX = {
    "no method": (b"/orders/health HTTP/1.1\r\nHost: %(host)s\r\n%(mark)s\r\n\r\n", 400),
    "a method in small letters": (b"get /orders/health HTTP/1.1\r\nHost: %(host)s\r\n%(mark)s\r\n\r\n", 400),
    "CONNECT": (b"CONNECT %(host)s:443 HTTP/1.1\r\nHost: %(host)s\r\n%(mark)s\r\n\r\n", 400),
    "TRACE": (b"TRACE /orders/health HTTP/1.1\r\nHost: %(host)s\r\n%(mark)s\r\n\r\n", 405),
    "OPTIONS of everything": (b"OPTIONS * HTTP/1.1\r\nHost: %(host)s\r\n%(mark)s\r\n\r\n", 400),
    "a path without a slash": (b"GET orders/health HTTP/1.1\r\nHost: %(host)s\r\n%(mark)s\r\n\r\n", 400),
    "a space in the path": (b"GET /orders/health x HTTP/1.1\r\nHost: %(host)s\r\n%(mark)s\r\n\r\n", 400),
    "HTTP/2.0 in text": (b"GET /orders/health HTTP/2.0\r\nHost: %(host)s\r\n%(mark)s\r\n\r\n", 505),
    "another protocol": (b"GET /orders/health FOO/1.1\r\nHost: %(host)s\r\n%(mark)s\r\n\r\n", 400),
    "no host": (b"GET /orders/health HTTP/1.1\r\n%(mark)s\r\n\r\n", 400),
    "an empty host": (b"GET /orders/health HTTP/1.1\r\nHost:\r\n%(mark)s\r\n\r\n", 400),
    "two hosts": (b"GET /orders/health HTTP/1.1\r\nHost: %(host)s\r\nHost: %(host)s\r\n%(mark)s\r\n\r\n", 400),
    "a host with a space": (b"GET /orders/health HTTP/1.1\r\nHost: %(host)s x\r\n%(mark)s\r\n\r\n", 400),
    "a folded header": (b"GET /orders/health HTTP/1.1\r\nHost: %(host)s\r\n folded: x\r\n%(mark)s\r\n\r\n", 400),
    "a space before the colon": (b"GET /orders/health HTTP/1.1\r\nHost: %(host)s\r\nX-A : b\r\n%(mark)s\r\n\r\n", 400),
    "a NUL in a header": (b"GET /orders/health HTTP/1.1\r\nHost: %(host)s\r\nX-A: b\x00c\r\n%(mark)s\r\n\r\n", 400),
    "two lengths": (b"POST /orders HTTP/1.1\r\nHost: %(host)s\r\nContent-Length: 1\r\nContent-Length: 2\r\n%(token)s\r\n%(mark)s\r\n\r\nxx", 400),
    "a negative length": (b"POST /orders HTTP/1.1\r\nHost: %(host)s\r\nContent-Length: -1\r\n%(token)s\r\n%(mark)s\r\n\r\n", 400),
    "a length and chunks": (b"POST /orders HTTP/1.1\r\nHost: %(host)s\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n%(token)s\r\n%(mark)s\r\n\r\n0\r\n\r\n", 400),
    "another transfer coding": (b"POST /orders HTTP/1.1\r\nHost: %(host)s\r\nTransfer-Encoding: foo\r\n%(token)s\r\n%(mark)s\r\n\r\n", 501),
    "a header of 9 KB": (b"GET /orders/health HTTP/1.1\r\nHost: %(host)s\r\n%(mark)s\r\nX-A: " + b"y" * 9000 + b"\r\n\r\n", 400),
    "a target of 9 KB": (b"GET /orders/health?" + b"y" * 9000 + b" HTTP/1.1\r\nHost: %(host)s\r\n%(mark)s\r\n\r\n", 414),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERED_BY_NGINX)
@pytest.mark.usefixtures("entities")
def test_requests_that_nginx_answers_reach_no_workload(
    live: LiveGateway, name: str
) -> None:
    """The status is as recorded."""
    raw, status = ANSWERED_BY_NGINX[name]
    assert _raw(live, raw) == Outcome(status, None)


# Taken, and decided like any other: on a public path, and on a protected path without and with a
# valid token.
TAKEN = {
    "as usual": b"GET %(path)s HTTP/1.1\r\nHost: %(host)s\r\n%(more)s%(mark)s\r\n\r\n",
    "HTTP/1.0": b"GET %(path)s HTTP/1.0\r\nHost: %(host)s\r\n%(more)s%(mark)s\r\n\r\n",
    "bare line feeds": b"GET %(path)s HTTP/1.1\nHost: %(host)s\n%(more)s%(mark)s\n\n",
    "empty lines before it": b"\r\n\r\nGET %(path)s HTTP/1.1\r\nHost: %(host)s\r\n%(more)s%(mark)s\r\n\r\n",
    "a header without a colon": b"GET %(path)s HTTP/1.1\r\nHost: %(host)s\r\nX-A\r\n%(more)s%(mark)s\r\n\r\n",
    "a header that nginx drops": b"GET %(path)s HTTP/1.1\r\nHost: %(host)s\r\nX.A: b\r\n%(more)s%(mark)s\r\n\r\n",
    "a websocket": b"GET %(path)s HTTP/1.1\r\nHost: %(host)s\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n%(more)s%(mark)s\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", TAKEN)
@pytest.mark.usefixtures("entities")
def test_odd_requests_that_nginx_accepts_are_decided_as_usual(
    live: LiveGateway, name: str
) -> None:
    """401 on a protected path without a token; an allowed request arrives once."""
    for path, more, status in (
        (b"/orders/health", b"", 200),
        (b"/orders", b"", 401),
        (b"/orders", b"%(token)s\r\n", 200),
    ):
        raw = TAKEN[name].replace(b"%(path)s", path).replace(b"%(more)s", more)
        outcome = _raw(live, raw)
        assert (outcome.status, outcome.arrived is not None) == (
            status,
            status == 200,
        ), path


@pytest.mark.usefixtures("entities")
def test_a_request_without_a_host_reaches_no_workload(
    live: LiveGateway,
) -> None:
    """HTTP/1.0 and 0.9 may omit the host, and routes are by host. The answer to HTTP/0.9 has no
    status line."""
    before = live.upstream.arrived("")
    assert _raw(
        live, b"GET /orders/health HTTP/1.0\r\n%(mark)s\r\n\r\n"
    ) == Outcome(404, None)
    assert not _said(live, b"GET /orders/health\r\n\r\n").startswith(
        b"HTTP/1.1 200"
    )
    assert live.upstream.arrived("") == before


@pytest.mark.usefixtures("entities")
def test_only_allowed_websocket_requests_go_upstream(
    live: LiveGateway,
) -> None:
    """Admission clears Connection, and the WebSocket upgrade still goes upstream; no other upgrade
    does."""
    for upgrade, arrives in (
        (b"websocket", b"\r\nUpgrade: websocket\r\n"),
        (b"h2c", None),
    ):
        lines = (
            b"Upgrade: "
            + upgrade
            + b"\r\nConnection: keep-alive, Upgrade, HTTP2-Settings\r\n"
        )
        ask_for = b"GET /orders HTTP/1.1\r\nHost: %(host)s\r\n" + lines
        assert _raw(live, ask_for + b"%(mark)s\r\n\r\n") == Outcome(401, None)
        outcome = _raw(live, ask_for + b"%(token)s\r\n%(mark)s\r\n\r\n")
        assert outcome.arrived is not None
        assert (b"\r\nupgrade:" in outcome.arrived.lower()) == (
            arrives is not None
        )
        assert (arrives or b"") in outcome.arrived
        assert outcome.identity_headers()["x-auth-client"] == "c"


@pytest.mark.usefixtures("entities")
def test_a_body_in_chunks_ends_with_its_last_chunk(live: LiveGateway) -> None:
    """The next bytes on the connection are a separate request, which has no token from the request
    before it."""
    first = (
        b"POST /orders HTTP/1.1\r\nHost: %b\r\nTransfer-Encoding: chunked\r\n%b: first\r\n"
        % (
            HOST,
            MARK,
        )
    )
    first += (
        b"Authorization: Bearer %b\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
        % issuer().service(["read", "write"]).encode()
    )
    second = (
        b"POST /orders HTTP/1.1\r\nHost: %b\r\n%b: second\r\nConnection: close\r\n\r\n"
        % (
            HOST,
            MARK,
        )
    )
    assert re.findall(rb"HTTP/1\.1 (\d{3}) ", _said(live, first + second)) == [
        b"200",
        b"401",
    ]
    (arrived,) = live.upstream.arrived("first")
    assert arrived.endswith(b"\r\n\r\nhi")
    assert live.upstream.arrived("second") == []


@pytest.mark.usefixtures("entities")
def test_where_a_request_says_that_it_comes_from_is_not_believed(
    live: LiveGateway,
) -> None:
    """Kong trusts no caller by default (`trusted_ips`): it writes host, port, path and scheme
    itself."""
    names = (b"X-Forwarded-Host", b"X-Forwarded-Proto", b"X-Forwarded-Port", b"X-Forwarded-Path", b"X-Forwarded-Prefix", b"X-Real-IP")  # fmt: skip
    outcome = live.send(
        Case("GET", HOST.decode(), b"/orders/health"),
        *(name + b": forged" for name in names),
    )
    assert outcome.arrived is not None
    assert b"forged" not in outcome.arrived
    assert b"\r\nX-Forwarded-Host: " + HOST + b"\r\n" in outcome.arrived
    assert b"\r\nX-Forwarded-Path: /orders/health\r\n" in outcome.arrived
    assert b"\r\nHost: " + HOST + b"\r\n" in outcome.arrived


@pytest.mark.usefixtures("entities")
def test_a_token_behind_more_headers_than_kong_reads_is_none(
    live: LiveGateway,
) -> None:
    """`jwt` reads the first `lua_max_req_headers` headers of a request. A token in a later header
    is denied."""
    limit = int(
        live.target.get("/")
        .json()["configuration"]
        .get("lua_max_req_headers", 100)
    )
    filling = [b"X-Filling-%d: 1" % number for number in range(limit)]
    token = b"Authorization: Bearer " + issuer().service(["read"]).encode()
    case = Case("GET", HOST.decode(), b"/orders")
    assert live.send(case, token, *filling).status == 200
    assert live.send(case, *filling, token) == Outcome(401, None)
