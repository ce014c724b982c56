"""Denial of headers that two servers could read differently, on stand-ins for three versions of
Kong.

Kong deletes every header that Connection names before it calls the workload. Kong 3.7 to 3.9 read
Connection out of a copy from before admission (`sandbox/kong/hop_by_hop.py`).
tests/live/test_live_attacks.py tests real Kongs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from kong_oam.access.decide import Request, answer
from sandbox.kong import Kong
from sandbox.kong.proxy import Answer
from tests.support import kong_deployment
from tests.support.documentation import below, page
from tests.support.estates import api, estate
from tests.support.gateway_estates import Scene, issuers, stack
from tests.support.lua_scripts import spoil

ACCESS = """
            owner: team
            scopes: {read: r}
            rules:
              - {paths: [/orders], methods: [GET, POST], scopes: [read]}
              - {paths: [/orders/public], methods: [GET, POST], public: {reason: for everybody}}
            roles: {viewer: {scopes: [read], groups: [sales]}}
"""
STACK = stack("tests")
SCENE = Scene(
    estate(api(access=ACCESS), stack=STACK), issuers(STACK, time.time())
)
TOKEN = f"Bearer {SCENE.issuers['main'].service(['read'])}"
VERIFIED = {
    "x-auth-client": "c",
    "x-auth-subject": "c",
    "x-auth-scopes": "read",
}
OTHER_SPELLINGS = ("content-length", "transfer-encoding", "keep-alive", "proxy-connection", "x-real-ip",
                   "x-kong-request-id", "x-forwarded-for", "x-forwarded-host", "x-forwarded-path", "x-forwarded-port",
                   "x-forwarded-prefix", "x-forwarded-proto")  # fmt: skip

HARMLESS = [
    ["Connection:"],
    ["Connection: close"],
    ["Connection: Keep-Alive"],
    ["Connection: keep-alive, Upgrade"],
    ["Connection: TE, close", "TE: trailers"],
    ["Connection:  ,close,\t,"],
    ["Connection: keep-alive", "connection: Upgrade"],
    [
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAMAAABk",
    ],
    ["Proxy-Connection: X-Auth-Client"],
    ["Keep-Alive: X-Auth-Client"],
    ["Trailer: X-Auth-Client"],
    ["X-Forwarded-For: 192.0.2.1"],
    ["X_Request_Id: 7"],
]
AMBIGUOUS = [
    ["Connection: X-Auth-Client"],
    ["Connection: x-auth-client, X-AUTH-SUBJECT, X-Auth-Scopes"],
    ["Connection: close, Content-Length"],
    ["cOnNeCtIoN: content-length"],
    ["Connection: Transfer-Encoding"],
    ["Connection: Authorization"],
    ["Connection: close close"],
    ["Connection: close;x"],
    ['Connection: "close"'],
    ["Connection: keep_alive"],
    ["Connection: \u212aeep-alive"],
    ["Connection: close", "Connection: X-Auth-Client"],
    ["Connection: X-Auth-Client", "connection: close"],
    ["Connection: close,,\t X-Auth-Client"],
    [
        *(f"X-Filling-{number}: 1" for number in range(120)),
        "Connection: X-Auth-Client",
    ],
    *([f"{name.replace('-', '_', 1)}: 1"] for name in OTHER_SPELLINGS),
    ["X_FORWARDED_FOR: 192.0.2.1"],
]


def post(kong: Kong, target: str, *lines: str, body: bytes = b"") -> Answer:
    """A POST with these header lines, and the length of its body."""
    head = [
        f"POST {target} HTTP/1.1",
        "Host: orders.example.com",
        *lines,
        f"Content-Length: {len(body)}",
        "",
        "",
    ]
    return kong.handle("\r\n".join(head).encode() + body, scheme="https")


def identity_headers(answer: Answer) -> dict[str, str]:
    """The identity that the workload was told."""
    assert answer.upstream is not None, answer
    headers = {name.lower(): value for name, value in answer.upstream.headers}
    return {
        name: value
        for name, value in headers.items()
        if name.startswith("x-auth-")
    }


def gateway(version: str) -> Iterator[Kong]:
    with Kong(version=version) as kong:
        kong_deployment.deploy(kong.admin_url, SCENE.estate, SCENE.pems)
        yield kong


@pytest.fixture(scope="module", params=["3.4.2", "3.9.1", "3.10.0"])
def kong(request: pytest.FixtureRequest) -> Iterator[Kong]:
    yield from gateway(request.param)


@pytest.mark.parametrize("lines", AMBIGUOUS, ids=lambda lines: lines[-1])
def test_a_request_with_an_ambiguous_header_is_refused(
    kong: Kong, lines: list[str]
) -> None:
    """400, with a token and without, on a public path, too, and the workload hears of none."""
    for target, token in (
        ("/orders", [f"Authorization: {TOKEN}"]),
        ("/orders", []),
        ("/orders/public", []),
    ):
        answer = post(kong, target, *token, *lines)
        assert (answer.status, answer.upstream) == (400, None)
        assert b"urn:kong-oam:problem:ambiguous-header" in answer.body


@pytest.mark.parametrize("lines", HARMLESS, ids=lambda lines: lines[0])
def test_a_request_with_any_other_header_is_decided_as_without(
    kong: Kong, lines: list[str]
) -> None:
    """The workload is told who calls, and how long the body is."""
    answer = post(
        kong, "/orders", f"Authorization: {TOKEN}", *lines, body=b"body"
    )
    assert answer.status == 200
    assert identity_headers(answer) == VERIFIED
    assert (
        answer.upstream is not None
        and ("Content-Length", "4") in answer.upstream.headers
    )
    assert post(kong, "/orders", *lines).status == 401


@pytest.mark.parametrize(("lines", "code"), [*((header, "ambiguous-header") for header in AMBIGUOUS), *((header, "allowed") for header in HARMLESS)])  # fmt: skip
def test_decide_says_the_same(lines: list[str], code: str) -> None:
    """`explain` and the generated tests use `answer`."""
    headers = tuple(
        (name, value.strip())
        for name, _, value in (line.partition(":") for line in lines)
    )
    request = Request("POST", "orders.example.com", b"/orders", headers=headers)
    decision = answer(SCENE.estate, request, [TOKEN], SCENE.rings, SCENE.now)
    assert (decision.code, decision.status) == (
        code,
        200 if code == "allowed" else 400,
    )


@pytest.mark.parametrize(
    "connection", ["Upgrade", "keep-alive, Upgrade", "upgrade,keep-alive"]
)
def test_a_websocket_is_asked_for_upstream(kong: Kong, connection: str) -> None:
    """Also where a browser, or a proxy in front, names keep-alive beside Upgrade."""
    answer = post(
        kong,
        "/orders",
        f"Authorization: {TOKEN}",
        f"Connection: {connection}",
        "Upgrade: websocket",
    )
    assert answer.upstream is not None
    assert {
        ("Upgrade", "websocket"),
        ("Connection", "keep-alive, Upgrade"),
    } <= {*answer.upstream.headers}


ATTACKS = [
    "Connection: X-Auth-Client, X-Auth-Subject",
    "Connection: Content-Length",
    "Connection: close, X-Auth-Scopes",
]


def test_kongs_copy_of_the_headers_is_emptied(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that Kong 3.9 deletes nothing of the gate's even if admission did not refuse the request."""
    spoil(monkeypatch, "if misread then return 400, 'ambiguous-header' end", "")
    for kong in gateway("3.9.1"):
        for attack in ATTACKS:
            answer = post(
                kong, "/orders", f"Authorization: {TOKEN}", attack, body=b"body"
            )
            assert answer.status == 200
            assert identity_headers(answer) == VERIFIED, attack
            assert (
                answer.upstream is not None
                and ("Content-Length", "4") in answer.upstream.headers
            ), attack


def test_without_emptying_it_such_a_request_is_refused_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """Each of the two is enough on Kong 3.9."""
    spoil(monkeypatch, "ngx.ctx.cached_request_headers = nil", "")
    for kong in gateway("3.9.1"):
        for attack in ATTACKS:
            assert (
                post(kong, "/orders", f"Authorization: {TOKEN}", attack).status
                == 400
            )


def test_the_page_names_every_header_that_has_one_spelling() -> None:
    """And every name that Connection may have."""
    section = below(
        page("reference/paths-and-headers.md"), "## Headers that are denied"
    )
    assert [
        name for name in OTHER_SPELLINGS if f"`{name}`" not in section
    ] == []
    assert [
        name
        for name in ("close", "keep-alive", "upgrade", "te", "http2-settings")
        if f"`{name}`" not in section
    ] == []
