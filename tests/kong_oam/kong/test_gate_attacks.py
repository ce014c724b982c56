"""Attacks on the gateway's promises: each is a request, a token or an Application that tries to get more than is meant.

Requests go as raw bytes through the sandbox's proxy (a stand-in for Kong), with the scripts that a real Kong runs.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hmac
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from components.workload import environment as calling
from kong_oam.access.decide import Request, answer
from kong_oam.access.model import Stack
from kong_oam.access.providers import Provider
from kong_oam.access.settings.values import StackError
from kong_oam.access.tokens import Key, KeyRing, Refusal, authenticate
from kong_oam.kong import names, plugins
from kong_oam.kong.account import Account
from kong_oam.kong.preflight import inspect
from kong_oam.objects import manifests
from sandbox.kong import Kong
from sandbox.kong.proxy import Answer
from sandbox.project import ROOT as PROJECT
from tests.support import kong_deployment
from tests.support.diffs import settings
from tests.support.documentation import below, page
from tests.support.estates import (
    ISSUER,
    PROVIDER,
    SPELLING,
    api,
    compiled,
    estate,
)
from tests.support.gateway_estates import with_callers
from tests.support.gateway_tokens import CLIENTS
from tests.support.json_object import JsonObject
from tests.support.mocks import Registered, program

NOW = time.time()
OTHER_ISSUER = "https://other.example.com"
KEYS = {
    name: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for name in ("main", "other", "stray")
}
PEMS = {
    name: key.public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    .decode()
    for name, key in KEYS.items()
}
OTHER = Provider("other", "api://other", SPELLING, issuer=OTHER_ISSUER)
STACK = Stack(
    "tests",
    {"main": PROVIDER, "other": OTHER},
    domain="apps.example.com",
    scheme="https",
)
RINGS = {
    "main": KeyRing(
        PROVIDER,
        ISSUER,
        {"main": Key("main", KEYS["main"].public_key())},
        clients=CLIENTS,
    ),
    "other": KeyRing(
        OTHER,
        OTHER_ISSUER,
        {"other": Key("other", KEYS["other"].public_key())},
        clients=CLIENTS,
    ),
}
SECRET = b"a secret that a stray credential verifies with"
HOSTILE = (
    "]==]",
    "]]",
    '"]==] .. os.exit() --[==[',
    "\\",
    "\\u005d",
    "\r\n",
    "__index",
    "1",
    "\u2028",
    "%1",
    "${x}",
    "",
)
"""Names of groups that try to leave the table's Lua string, or to be something else than a key in it."""

ORDERS = """
            owner: team
            scopes: {read: r, write: w}
            rules:
              - {paths: [/orders], methods: [GET], scopes: [read]}
              - {paths: [/orders], methods: [POST], scopes: [write]}
              - {paths: [/orders/health, "/orders/a.b", "/orders/x:y"], methods: [GET], public: {reason: probes}}
              - {paths: [/orders/health/deep], scopes: [write]}
            roles:
              viewer: {scopes: [read], groups: [sales]}
              editor: {scopes: [read, write], groups: [desk]}
"""
ESTATE = with_callers(estate(
    api("orders", http="{/orders: 8080, /orders/files: 9090}", access=ORDERS),
    api("nested", http="{/orders/health/nested: 8080}"),
    api("wild", domain="*.wild.test", http="{/: 80}", access="{owner: w, rules: [{methods: [GET], public: {reason: w}}]}"),
    api("deep", domain="*.deep.wild.test", http="{/: 80}"),
    api("exact", domain="exact.wild.test", http="{/: 80}"),
    api("partner", domain="partner.test", http="{/: 80}", access="{owner: p, identityProvider: other}").replace(
        "identityProvider: other", "identityProvider: other, scopes: {pay: p}, rules: [{scopes: [pay]}]"
    ),
    api("hostile", domain="hostile.test", http="{/: 80}", access=json.dumps({
        "owner": "h", "scopes": {"h": "h"}, "rules": [{"scopes": ["h"]}],
        "roles": {f"r{n}": {"scopes": ["h"], "groups": [group]} for n, group in enumerate(HOSTILE) if group},
    })),
    stack=STACK,
))  # fmt: skip


@pytest.fixture(scope="module")
def kong() -> Iterator[Kong]:
    """The estate on the stand-in, beside a stray consumer whose credentials are as good as any to `jwt`."""
    with Kong(now=lambda: NOW) as gateway:
        kong_deployment.deploy(
            gateway.admin_url,
            ESTATE,
            {name: {name: PEMS[name]} for name in ("main", "other")},
        )
        with httpx.Client(base_url=gateway.admin_url) as admin:
            stray = admin.post(
                "/consumers",
                json={"username": "stray", "custom_id": ISSUER + "/"},
            ).json()["id"]
            for consumer, key, kind in (
                (
                    stray,
                    "stray",
                    {"algorithm": "RS256", "rsa_public_key": PEMS["stray"]},
                ),
                (
                    stray,
                    "shared",
                    {"algorithm": "HS256", "secret": SECRET.decode()},
                ),
                (
                    names.anonymous("tests"),
                    "nobody",
                    {"algorithm": "RS256", "rsa_public_key": PEMS["stray"]},
                ),
                (
                    names.ring("tests", "main"),
                    "ring-hs",
                    {"algorithm": "HS256", "secret": SECRET.decode()},
                ),
            ):
                body = {"key": key, "secret": "unused", **kind}
                assert (
                    admin.post(
                        f"/consumers/{consumer}/jwt", json=body
                    ).status_code
                    == 201
                )
        yield gateway


def b64(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def signed(
    payload: bytes | Mapping[str, Any],
    header: bytes | None = None,
    kid: str = "main",
    key: str = "main",
) -> str:
    body = (
        payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    )
    head = (
        json.dumps({"alg": "RS256", "kid": kid}).encode()
        if header is None
        else header
    )
    text = f"{b64(head)}.{b64(body)}"
    return f"{text}.{b64(KEYS[key].sign(text.encode(), padding.PKCS1v15(), SHA256()))}"


def shared(payload: Mapping[str, Any], kid: str) -> str:
    text = f"{b64(json.dumps({'alg': 'HS256', 'kid': kid}).encode())}.{b64(json.dumps(payload).encode())}"
    mac = hmac.HMAC(SECRET, SHA256())
    mac.update(text.encode())
    return f"{text}.{b64(mac.finalize())}"


CLAIMS: JsonObject = {
    "iss": ISSUER, "aud": "api://tests", "exp": NOW + 900, "jti": "AT.1", "cid": "c", "sub": "c", "scp": ["read", "write"],
}  # fmt: skip
USER = {**CLAIMS, "uid": "u1", "sub": "someone", "groups": ["sales"]}
GOOD = signed(CLAIMS)


def with_claim(name: str, text: str, base: Mapping[str, Any] = CLAIMS) -> bytes:
    """The payload as JSON, with `text` as it stands for the value of one claim."""
    payload = json.dumps(
        {key: value for key, value in base.items() if key != name}
    )
    return f'{payload[:-1]}, "{name}": {text}}}'.encode()


def send(
    kong: Kong,
    target: str | bytes,
    *lines: str | bytes,
    method: str = "GET",
    host: str | bytes = "orders.example.com",
) -> Answer:
    raw = [
        f"{method} ".encode() + as_bytes(target) + b" HTTP/1.1",
        b"Host: " + as_bytes(host),
        *map(as_bytes, lines),
    ]
    return kong.handle(b"\r\n".join(raw) + b"\r\n\r\n", scheme="https")


def as_bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def bearer(token: str) -> str:
    return f"Authorization: Bearer {token}"


def upstream_headers(reply: Answer) -> dict[str, list[str]]:
    """Return the headers at the upstream, with names folded as CGI does."""
    assert reply.upstream is not None, (reply.status, reply.body)
    found: dict[str, list[str]] = {}
    for name, value in reply.upstream.headers:
        found.setdefault(name.lower().replace("_", "-"), []).append(value)
    return found


def test_the_attacks_start_from_a_request_that_is_allowed(kong: Kong) -> None:
    """Otherwise every attack would be withstood: the good token reads, and the health check is public."""
    assert send(kong, "/orders/7", bearer(GOOD)).status == 200
    assert send(kong, "/orders/health").status == 200
    assert send(kong, "/orders/7").status == 401


# Paths


@pytest.mark.parametrize(
    "target",
    [
        "/orders/7", "/orders/7?/orders/health", "/orders/health/..%2f7", "/orders/health/..%2F7", "/orders/health/%2e%2e/7",
        "/orders/health/%2e%2e%2f7", "/orders/health/.%2e/7", "/orders/health/%2E./7", "/orders/health/..;/7", "/orders/health/..;x=1/7",
        "/orders/health/..%3b/7", "/orders/health;/../7", "/orders/health/..%5c7", "/orders/health/..\\7", "/orders/health\\..\\7",
        "/orders/health/%252e%252e/7", "/orders/health/..%252f7", "/orders/health%2f..%2f7", "/orders/health/../7", "/orders/health/../../orders/7",
        "/orders/./health/.././7", "/orders/health//../7", "//orders/health/../7", "/orders/health%00/../7", "/orders/health%00", "/orders/health%0a/7",
        "/orders/health%0d%0a", "/orders/health/..%c0%af7", "/orders/health/%c0%ae%c0%ae/7", "/orders/health/..%e0%80%af7", "/orders/health/..%u002f7",
        "/orders/health/..%ff/7", "/orders/7%3f/../health", "/orders/7%3f/orders/health", "/orders/7#/../health", "/orders/7#/health", "/orders/health#/../7",
        "/orders/%2fhealth", "/orders/health%2f", "/orders/HEALTH", "/Orders/health", "/orders/healt%48", "/orders/health%20", "/orders/health.",
        "/orders/health.json", "/orders/health,x", "/orders/health%09", "/orders/healthx", "/orders/health:", "/orders/h%65alth/deep", "/orders/aXb", "/orders/a%2eb.",
        "/orders/health/deep.", "/orders/health/deep%20", "/orders/health/..%20/7", "/orders/health/%EF%BC%8E%EF%BC%8E/7", "/orders/health/dee%EF%BD%90",
        "/orders/health/de%C2%ADep", "/orders/health/deep::$DATA", "/orders/health/DEEP~1", "/orders/health/d%3C", "/orders/health/de%CC%81ep",
        "/orders/health/d%C3%A9ep", "/orders/health/%E2%80%8Bdeep/x", "/orders/health/deep%EF%BC%8F7", "/orders/health/...", "/orders/health/%E2%80%A8",
        "/orders/x%253ay", "/orders/health/nested", "/orders/health/nested/7", "/orders/health/x/../nested", "/orders/health/deep", "/orders/health/./deep/",
        "/orders/files/../7", "/orders/files/health", "/health/../orders/7", "/orders/7/../../orders/7", "http://orders.example.com/orders/7",
        "http://evil.test/orders/7", "http://orders.example.com/orders/health/..%2f7", "HTTP://evil.test//orders/7", "http://evil.test", "http://evil.test?/orders/health",
        "/", "*", "orders/health", "?/orders/health", "/orders/%", "/orders/%2", "/orders/%zz", "/..", "/../orders/7", "/%2e%2e/orders/7",
        b"/orders/health/\xc0\xaf../7", b"/orders/health/\xff", b"/orders/he\xc2\xadlth", b"/orders/health\x7f", b"/orders/health\x01",
        "/" + "a/" * 500 + "../" * 500 + "orders/7", "/orders/" + "x/" * 600 + "health",
    ],
    ids=lambda target: repr(target)[:60],
)  # fmt: skip
def test_no_spelling_of_a_path_leads_past_its_rule(
    kong: Kong, target: str | bytes
) -> None:
    """A public path borrowed by dots, encodings, parameters, case, fragments or another form of target."""
    reply = send(kong, target)
    assert (reply.status, reply.upstream) in [
        (status, None) for status in (400, 401, 404, 414)
    ]


@pytest.mark.parametrize(
    ("target", "upstream"),
    [
        ("/orders/health/", "/orders/health/"), ("//orders/./health", "/orders/health"), ("/orders/7/../health", "/orders/health"),
        ("/orders/%68ealth", "/orders/health"), ("/orders/health/deeper", "/orders/health/deeper"), ("/orders/x%3ay", "/orders/x%3Ay"),
        ("/orders/a%2Eb", "/orders/a.b"), ("/orders/health?/../7", "/orders/health?/../7"), ("/orders/health/v1...v2", "/orders/health/v1...v2"),
        ("/orders/health/a%20b%7C", "/orders/health/a%20b%7C"), ("/orders/health/a%e2%80%a8", "/orders/health/a%E2%80%A8"),
    ],
)  # fmt: skip
def test_what_is_decided_on_is_what_goes_upstream(
    kong: Kong, target: str, upstream: str
) -> None:
    """A path that is readable in one way only is public in each of its spellings, and travels on resolved."""
    reply = send(kong, target)
    assert (reply.status, reply.upstream and reply.upstream.target) == (
        200,
        upstream,
    )


@pytest.mark.parametrize(
    "tail",
    [
        "x%2fdeep", "x%2Fdeep", "x%5cy", "x%5Cy", "x\\y", "x;y", "x;/y", "x%3b", "x%3By", "x%3fy", "x%3Fy", "x%25y", "x%2541", "x#y", "x%00", "x%01", "x%1f", "x%7f",
        "x%0d%0ay", "x%", "x%4", "x%zz", "x%u0041", "x%ff", "x%c0%af", "x%ed%a0%80", "x%f4%90%80%80", "%2f", "x%2f..%2fdeep", b"x\xff", b"x\xc0\xaf",
    ],
    ids=repr,
)  # fmt: skip
def test_what_two_servers_could_read_differently_is_refused_below_a_public_path(
    kong: Kong, tail: str | bytes
) -> None:
    """This holds even if the rule allows every reading, since the upstream could read another path."""
    reply = send(kong, b"/orders/health/" + as_bytes(tail))
    assert (reply.status, reply.upstream) in [(400, None), (404, None)]


# Hosts and methods


@pytest.mark.parametrize(
    "host",
    [
        "A.wild.test", "wild.test", "a.wild.test.", "a.wild.test:", "a.wild.test:0x50", "a.wild.test:80:80", "a.wild.test:8o", "xwild.test", "a.wild.test.evil.test",
        "exact.wild.test", "exact.wild.test:443", "EXACT.wild.test", "x.deep.wild.test", "*.deep.wild.test", ".deep.wild.test", "x.y.deep.wild.test:1",
        "user@x.deep.wild.test", "a.wild.test/", "x.deep.wild.test/@a.wild.test", "a..wild.test", "a.wild.test a", "", " ", "[::1]", "[a.wild.test]", "partner.test",
    ],
    ids=repr,
)  # fmt: skip
def test_no_spelling_of_a_host_leads_past_its_component(
    kong: Kong, host: str
) -> None:
    """GET / is public on any *.wild.test but where another component is nearer."""
    assert send(kong, "/", host="a.wild.test").status == 200
    reply = send(kong, "/", host=host)
    assert (reply.status, reply.upstream) in [
        (status, None) for status in (400, 401, 404)
    ]


@pytest.mark.parametrize("host", ["\u00c0.wild.test", "\u0130.wild.test"])
def test_a_host_with_capitals_beyond_ascii_reaches_nothing(
    kong: Kong, host: str
) -> None:
    """The model says 404 to a host that is not in lower case; so must the gate, whatever the alphabet."""
    assert (
        answer(ESTATE, Request("GET", host, b"/"), (), RINGS, NOW).status == 404
    )
    assert send(kong, "/", host=host).upstream is None


def test_the_upstream_is_told_the_host_that_was_decided_on(kong: Kong) -> None:
    """`GET http://evil.test/...` with Host: orders.example.com would arrive as X-Forwarded-Host: evil.test."""
    assert send(kong, "http://evil.test/orders/health").status == 400
    headers = upstream_headers(send(kong, "/orders/health"))
    assert (headers["host"], headers["x-forwarded-host"]) == (
        ["orders.example.com"],
        ["orders.example.com"],
    )


@pytest.mark.parametrize(
    ("method", "lines"),
    [
        ("POST", ()), ("OPTIONS", ()), ("OPTIONS", ("Origin: https://a.test", "Access-Control-Request-Method: GET")), ("PATCH", ()),
        ("get", ()), ("TRACE", ()), ("CONNECT", ()), ("PROPFIND", ()), ("MOVE", ()), ("QUERY", ()), ("GET_", ()), ("HEAD-", ()),
        ("POST", ("X-HTTP-Method-Override: GET",)), ("DELETE", ("Upgrade: websocket", "Connection: Upgrade")),
        ("POST", ("Content-Type: application/grpc", "TE: trailers")),
    ],
)  # fmt: skip
def test_a_public_method_opens_no_other(
    kong: Kong, method: str, lines: tuple[str, ...]
) -> None:
    """Only GET and HEAD are public on the health check, preflights, upgrades and gRPC included."""
    assert send(kong, "/orders/health", *lines, method=method).upstream is None


@pytest.mark.parametrize(
    "method", ["DELETE", "PUT", "PATCH", "OPTIONS", "get", "PROPFIND"]
)
def test_a_token_opens_no_method_that_no_rule_lists(
    kong: Kong, method: str
) -> None:
    """Whatever scopes it lists."""
    assert send(kong, "/orders", bearer(GOOD), method=method).upstream is None


# The Authorization header


@pytest.mark.parametrize("target", ["/orders", "/orders/health"])
@pytest.mark.parametrize(
    "lines",
    [
        (f"Authorization: bearer {GOOD}",), (f"Authorization: BEARER {GOOD}",), (f"Authorization: Bearer  {GOOD}",), (f"Authorization: Bearer\t{GOOD}",),
        (f"Authorization: Bearer {GOOD}, Bearer {GOOD}",), (f"Authorization: Bearer {GOOD},",), (f"Authorization: Basic YTpi, Bearer {GOOD}",),
        (f"Authorization: Basic Bearer {GOOD}",), (f'Authorization: Bearer "{GOOD}"',), (f"Authorization: Bearer {GOOD} x",), (f"Authorization: Bearer {GOOD}=",),
        (f"Authorization: Bearer {GOOD}.x",), (f"Authorization: Bearer {GOOD}.",), (f"Authorization: Bearer .{GOOD}",), (f"Authorization: Bearer{GOOD}",),
        (f"Authorization: Bearer {GOOD.replace('.', '%2E')}",), ("Authorization: Bearer",), ("Authorization: Bearer ",), ("Authorization: Bearer ..",),
        (f"Authorization: XBearer {GOOD}",), (f"Authorization: Bearer:{GOOD}",), (f"Authorization: Token Bearer={GOOD}",),
        (bearer(GOOD), f"authorization: Bearer {GOOD}"), (bearer(GOOD), bearer(GOOD)), ("Authorization: Basic YTpi", bearer(GOOD)),
        (f"Authorization: Bearer\r\n {GOOD}",), (f"Authorization : Bearer {GOOD}",), (f"Authorization: Bearer {GOOD[:40]}\x00{GOOD[40:]}",),
        (f"Authorization: Bearer {GOOD}\x0b",), (f"Authorization: Bearer \u00a0{GOOD}",),
    ],
    ids=lambda lines: repr(tuple(line.replace(GOOD, "T") for line in lines))[:70],
)  # fmt: skip
def test_a_header_that_mentions_bearer_is_exactly_one_token_or_refused(
    kong: Kong, target: str, lines: tuple[str, ...]
) -> None:
    """On a public path, too: a laxer reader behind the gateway could find another token in it."""
    reply = send(kong, target, *lines)
    assert (reply.status, reply.upstream) in [(400, None), (401, None)]


@pytest.mark.parametrize(
    ("target", "lines"),
    [
        (f"/orders?jwt={GOOD}", ()), (f"/orders?access_token={GOOD}", ()), (f"/orders?authorization=Bearer%20{GOOD}", ()), ("/orders", (f"Cookie: jwt={GOOD}",)),
        ("/orders", (f"Proxy-Authorization: Bearer {GOOD}",)), ("/orders", (f"X-Authorization: Bearer {GOOD}",)), ("/orders", (f"Authorization_: Bearer {GOOD}",)),
        ("/orders", (f"X-Forwarded-Authorization: Bearer {GOOD}",)), ("/orders", (f"Authorization: {GOOD}",)), ("/orders", (f"Authorization: DPoP {GOOD}",)),
        ("/orders", (f"Authorization: Basic {GOOD}",)), ("/orders", (f"Cookie: authorization=Bearer {GOOD}",)),
        ("/orders", (*(f"X-{n}: y" for n in range(120)), bearer(GOOD))),
    ],
    ids=lambda part: repr(part).replace(GOOD, "T")[:60],
)  # fmt: skip
def test_a_token_anywhere_else_is_no_token(
    kong: Kong, target: str, lines: tuple[str, ...]
) -> None:
    """Query, cookies, other headers and schemes; nor does one count that stands behind a hundred headers, where `jwt` stops."""
    reply = send(kong, target, *lines)
    assert (reply.status, reply.upstream) == (401, None)


# Tokens


@pytest.mark.parametrize(
    "header",
    [
        b'{"kid":"main","kid":"main","alg":"RS256"}', b'{"kid":"stray","kid":"main","alg":"RS256"}', b'{"kid":"main","\\u006bid":"stray","alg":"RS256"}',
        b'{"kid":"main","alg":"RS256","alg":"HS256"}', b'{"kid":"main","alg":"HS256"}', b'{"kid":"main","alg":"none"}', b'{"kid":"main","alg":"RS512"}',
        b'{"kid":"main","alg":"PS256"}', b'{"kid":"main","alg":"rs256"}', b'{"kid":"main","alg":null}', b'{"kid":"main"}', b'{"kid":"main","alg":["RS256"]}',
        b'{"alg":"RS256"}', b'{"kid":null,"alg":"RS256"}', b'{"kid":false,"alg":"RS256"}', b'{"kid":["main"],"alg":"RS256"}', b'{"kid":{"id":"main"},"alg":"RS256"}',
        b'{"kid":0,"alg":"RS256"}', b'{"kid":"","alg":"RS256"}', b'{"kid":"main\\u0000","alg":"RS256"}', b'{"kid":"MAIN","alg":"RS256"}', b'{"kid":" main","alg":"RS256"}',
        b'{"kid":"main\' OR 1=1 --","alg":"RS256"}', b'{"kid":"../main","alg":"RS256"}', b'{"kid":"main","alg":"RS256"}x', b'{"kid":"main","alg":"RS256"}{}',
        b'\xef\xbb\xbf{"kid":"main","alg":"RS256"}', b'[{"kid":"main","alg":"RS256"}]', b'"kid"', b"null", b"", b'{"kid":"main","alg":"RS256",}',
        b'{"kid":"main","alg":"RS256","x":NaN}', b'{"kid":"main","alg":"RS256","x":01}', b"{'kid':'main','alg':'RS256'}", b'{"kid":"main","alg":"RS256","x":"\xff"}',
        b'{"kid":"main","alg":"RS256","x":' + b"[" * 40 + b"]" * 40 + b"}", b'{"kid":"\\ud800main","alg":"RS256"}', b'{"kid":"main","alg":"RS256"/**/}',
        b'{"kid":"kong-oam.tests.ring.main.unused.0","alg":"RS256"}',
    ],
    ids=lambda header: repr(header)[:60],
)  # fmt: skip
def test_a_header_that_two_readers_could_read_differently_counts_for_nothing(
    kong: Kong, header: bytes
) -> None:
    """Signed by the issuer's own key: key ids twice, of other types, of others; algorithms that no key has; bad JSON."""
    token = signed(CLAIMS, header=header)
    assert isinstance(authenticate(token, RINGS["main"], NOW), Refusal)
    reply = send(kong, "/orders", bearer(token))
    assert (reply.status, reply.upstream) == (401, None)


@pytest.mark.parametrize(
    ("claim", "values"),
    [
        ("kid", ['"main"', "null", "false", '""', "0"]), ("exp", ["null", "true", '"9e9"', "1e999", "-1e999", "-1", "0", "[]", '{"1":9e9}', "NaN", "9e9999"]),
        ("nbf", ["null", "false", '"0"', "9e9", "[]"]), ("iss", ["null", '""', f'["{ISSUER}"]', f'"{ISSUER}/"', f'"{OTHER_ISSUER}"', f'"{ISSUER.upper()}"']),
        ("aud", ["null", '""', "[]", '["api://other"]', '["api://tests", 1]', '["api://tests", null]', '{"1":"api://tests"}', '"api://tests "', '[["api://tests"]]', "true"]),
        ("jti", ["null", '"ID.1"', '"at.1"', '["AT.1"]', '""', "false"]), ("cid", ["null", "false", '""', '"c\\n"', '"c\\u0000"', '["c"]', "1", '"d"']),
        ("sub", ["null", "false", '""', '"someone"', '["c"]', '"c\\u007f"']), ("uid", ["null", "false", '""', "0", "[]", "{}", '"u\\r\\nX-Auth-Scopes: write"']),
        ("scp", ["null", "false", '"read write"', '{"1":"read"}', '{"read":true}', '[["read"]]', '["read", null]', '["read", 1]', "true"]),
        ("groups", ["null", "false", '""', '"sales"', '{"1":"sales"}', '["sales", null]', '["sales", 1]']), ("more", ["null", "false", "true", '"x"', "[]", "0"]),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)  # fmt: skip
def test_a_claim_of_another_type_counts_for_nothing(
    kong: Kong, claim: str, values: list[str]
) -> None:
    """null, false, "", objects with the keys of an array, numbers out of range: none is taken for absent or for a list."""
    for text in values:
        token = signed(with_claim(claim, text))
        assert isinstance(authenticate(token, RINGS["main"], NOW), Refusal), (
            text
        )
        reply = send(kong, "/orders", bearer(token))
        assert (reply.status, reply.upstream) == (401, None), text


@pytest.mark.parametrize(
    "payload",
    [
        with_claim("scp", '["read"], "scp": ["read", "write"]'), with_claim("scp", '["read"], "s\\u0063p": ["write"]'), with_claim("exp", "1, \"exp\": 9e9"),
        with_claim("x", '{"a":1,"a":2}'), with_claim("x", "[" * 40 + "]" * 40), with_claim("x", "nul"), with_claim("x", "1 2"), with_claim("x", "0x10"), with_claim("x", '"\t"'),
        json.dumps(CLAIMS).encode() + b"\x00", json.dumps(CLAIMS).encode() + b"{}", b"\xef\xbb\xbf" + json.dumps(CLAIMS).encode(), b"[" + json.dumps(CLAIMS).encode() + b"]",
        json.dumps(CLAIMS).encode("utf-16"), json.dumps(CLAIMS).encode()[:-1], b"", b"null", b"{}", b"[]",
    ],
    ids=lambda payload: repr(payload)[-60:],
)  # fmt: skip
def test_a_payload_that_two_readers_could_read_differently_counts_for_nothing(
    kong: Kong, payload: bytes
) -> None:
    """Duplicate keys at any depth, spelled with escapes, too; bytes before and after; what is no JSON object."""
    token = signed(payload)
    assert isinstance(authenticate(token, RINGS["main"], NOW), Refusal)
    reply = send(kong, "/orders", bearer(token))
    assert (reply.status, reply.upstream) == (401, None)


HEAD, BODY, SIGNATURE = GOOD.split(".")


@pytest.mark.parametrize(
    "token",
    [
        f"{HEAD}.{BODY}.", f"{HEAD}.{BODY}.AA", f"{HEAD}..{SIGNATURE}", f".{BODY}.{SIGNATURE}", f"{HEAD}.{BODY}.{SIGNATURE}.", f"{HEAD}.{BODY}.{SIGNATURE}.{SIGNATURE}",
        f"{HEAD}=.{BODY}.{SIGNATURE}", f"{HEAD}.{BODY}=.{SIGNATURE}", f"{HEAD}.{BODY}.{SIGNATURE}==", f"{HEAD}A.{BODY}.{SIGNATURE}", f"{HEAD}.{BODY}A.{SIGNATURE}",
        f"{HEAD}.{BODY}.{SIGNATURE[:-4]}", f"{HEAD}.{BODY}.{SIGNATURE}AAAA", f"{HEAD}.{BODY}.AAAA{SIGNATURE}", f"{HEAD}.{BODY}.{'A' * len(SIGNATURE)}", f"{HEAD}.{SIGNATURE}.{BODY}",
        f"{BODY}.{HEAD}.{SIGNATURE}", f"{HEAD}.{b64(json.dumps({**CLAIMS, 'scp': ['read', 'write', 'x']}).encode())}.{SIGNATURE}",
        f"{b64(b'{' + chr(34).encode() + b'alg' + chr(34).encode() + b':' + chr(34).encode() + b'none' + chr(34).encode() + b'}')}.{BODY}.", "a.b.c", "...", "..",
    ],
    ids=range(22),
)  # fmt: skip
def test_a_token_that_was_touched_counts_for_nothing(
    kong: Kong, token: str
) -> None:
    """Parts missing, swapped, padded, longer, or with another payload than was signed."""
    reply = send(kong, "/orders", bearer(token))
    assert (reply.status, reply.upstream) == (401, None)


@pytest.mark.parametrize(
    ("token", "host", "target"),
    [
        (signed(CLAIMS, kid="stray", key="stray"), "orders.example.com", "/orders"),
        (signed(CLAIMS, kid="nobody", key="stray"), "orders.example.com", "/orders"),
        (signed(CLAIMS, kid="other", key="other"), "orders.example.com", "/orders"),
        (signed({**CLAIMS, "iss": OTHER_ISSUER, "aud": "api://other"}, kid="other", key="other"), "orders.example.com", "/orders"),
        (signed({**CLAIMS, "scp": ["pay"]}), "partner.test", "/"),
        (signed({**CLAIMS, "iss": OTHER_ISSUER, "aud": "api://other", "scp": ["pay"]}), "partner.test", "/"),
        (signed(CLAIMS, kid="main", key="other"), "orders.example.com", "/orders"),
        (shared(CLAIMS, "shared"), "orders.example.com", "/orders"),
        (shared(CLAIMS, "ring-hs"), "orders.example.com", "/orders"),
    ],
    ids=["stray consumer", "nobody's own", "other's key for us", "other issuer", "our token there", "our key for other", "wrong key", "HS256", "HS256 in the ring"],
)  # fmt: skip
def test_only_the_issuers_own_ring_signs_for_it(
    kong: Kong, token: str, host: str, target: str
) -> None:
    """`jwt` verifies with the key of any consumer. The keys here belong to a stray consumer,
    nobody, another issuer, or a shared secret."""
    reply = send(kong, target, bearer(token), host=host)
    assert (reply.status, reply.upstream) == (401, None)


def test_another_consumers_valid_token_makes_nobody_of_a_caller_on_a_public_path(
    kong: Kong,
) -> None:
    """It passes `jwt`, and must not travel on as an identity."""
    for token in (
        signed(CLAIMS, kid="stray", key="stray"),
        signed({**CLAIMS, "exp": NOW - 1}),
        shared(CLAIMS, "ring-hs"),
    ):
        headers = upstream_headers(send(kong, "/orders/health", bearer(token)))
        assert not [name for name in headers if name.startswith("x-auth-")]


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({**USER, "groups": []}, 403), ({**USER, "groups": ["Sales"]}, 403), ({**USER, "groups": ["sales "]}, 403), ({**USER, "groups": ["viewer"]}, 403),
        ({**USER, "scp": ["write"]}, 403), ({**USER, "scp": ["Read"]}, 403), ({**USER, "scp": ["read write"]}, 403), ({**USER, "scp": ["read,write"]}, 403),
        ({**USER, "groups": [*HOSTILE]}, 403), ({**USER, "scp": []}, 403), ({**USER, "uid": "c", "sub": "c", "groups": []}, 403), (USER, 200),
    ],
)  # fmt: skip
def test_a_users_scopes_are_cut_to_the_roles_of_their_groups(
    kong: Kong, claims: JsonObject, status: int
) -> None:
    """Names that only look like a group or a scope are none, nor is a user whose names equal the client's a service."""
    assert send(kong, "/orders", bearer(signed(claims))).status == status


@pytest.mark.parametrize("group", HOSTILE)
def test_a_hostile_group_name_is_a_name_and_nothing_else(
    kong: Kong, group: str
) -> None:
    """The table's Lua string survives it, and exactly the group's own members hold its role."""
    scopes = {"scp": ["h"]}
    assert send(
        kong,
        "/",
        bearer(signed({**USER, **scopes, "groups": [group]})),
        host="hostile.test",
    ).status == (200 if group else 403)
    assert (
        send(
            kong,
            "/",
            bearer(signed({**USER, **scopes, "groups": [group + "x"]})),
            host="hostile.test",
        ).status
        == 403
    )


# The headers at the upstream


FORGED = (
    "X-Auth-Client", "x_auth_client", "X-AUTH_Subject", "X-Auth-Scopes", "X_Auth-Scopes", "X-Auth-Anything", "X-Consumer-ID", "X_Consumer_Username", "X-Consumer-Custom-ID",
    "X-Consumer-Groups", "X-Credential-Identifier", "X_Credential_Username", "X-Authenticated-Userid", "X-Authenticated-Scope", "X-Authenticated-Groups", "Forwarded",
    "X-Original-URL", "X_Original_URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "X_HTTP_Method_Override", "X-HTTP-Method", "X-Method-Override", "X-Original-Method",
    "X-Anonymous-Consumer", "X_Anonymous_Consumer", "X-WEBAUTH-USER", "X-Webauth-Role", "Remote-User", "Remote-Groups", "Remote_Email", "X-Remote-User", "X-Amzn-Oidc-Identity",
    "X-Amzn-Oidc-Data", "X-Amzn-Oidc-Accesstoken", "X-Amzn-Mtls-Clientcert-Subject", "X-MS-CLIENT-PRINCIPAL", "X-MS-CLIENT-PRINCIPAL-ID", "X-MS-TOKEN-AAD-ID-TOKEN",
    "X-Goog-Authenticated-User-Email", "X-Goog-Iap-Jwt-Assertion", "Cf-Access-Jwt-Assertion", "Cf-Access-Authenticated-User-Email", "X-Pomerium-Jwt-Assertion", "X-JWT-Assertion",
    "Tailscale-User-Login", "Impersonate-User", "Impersonate-Extra-scopes", "X-Forwarded-User", "X-Forwarded-Preferred-Username", "X-Forwarded-Access-Token", "X-Forwarded-Groups",
    "X-Forwarded-Client-Cert", "X-Forwarded-Tls-Client-Cert-Info", "X-Client-Cert", "X-ARR-ClientCert", "Client-Cert", "Client-Cert-Chain", "SSL_CLIENT_S_DN", "Ssl-Client-Subject-Dn",
    "X-SSL-Client-CN", "SM_USER", "IV-User", "iv-groups", "Shib-Session-ID", "X-Apigateway-Api-Userinfo", "X-Endpoint-Api-Userinfo", "X-Userinfo", "X-ID-Token",
)  # fmt: skip
PASSING = (
    "X-Authority",
    "X-MS-Client-Request-Id",
    "Remotely",
    "X-Forwarded-For",
    "X-Forwarded-Client",
    "Smart",
    "Cf-Ray",
)
"""Names that only look like one of the list."""


@pytest.mark.parametrize(
    "lines",
    [(), (bearer(GOOD),), (f"Authorization: Basic {b64(b'a:b')}",)],
    ids=["nobody", "service", "basic"],
)
@pytest.mark.parametrize("filler", [0, 150])
def test_no_forged_header_arrives(
    kong: Kong, lines: tuple[str, ...], filler: int
) -> None:
    """Not in any spelling that CGI folds to one name, not twice, not behind a hundred others."""
    attack = [f"{name}: forged" for name in FORGED for _ in range(2)]
    reply = send(
        kong,
        "/orders/health",
        *(f"X-{n}: y" for n in range(filler)),
        *attack,
        *lines,
    )
    assert not [
        name
        for name, values in upstream_headers(reply).items()
        if "forged" in values
    ]


def test_names_that_only_look_like_one_of_them_arrive(kong: Kong) -> None:
    """Words count as a whole."""
    headers = upstream_headers(
        send(kong, "/orders/health", *(f"{name}: sent" for name in PASSING))
    )
    assert {name.lower() for name in PASSING} == {
        name for name, values in headers.items() if "sent" in ", ".join(values)
    }


def test_a_stack_adds_to_them(kong: Kong) -> None:
    """`gateway.stripHeaders`, whose words are given to admission; the names that begin with one and a dash, too."""
    more_settings = settings(
        gateway={
            "cidrs": ["192.0.2.0/24"],
            "reach": "loadBalancer",
            "stripHeaders": ["X-Company"],
        }
    )
    assert more_settings.gateway.strip_headers == ("x-company",)
    script = plugins.admission("{}", 0, more_settings.gateway.strip_headers)[
        "access"
    ][0]
    assert "\nlocal MORE = 'x-company'\n" in script
    for entity in [
        entity
        for entity in kong.entities("plugins")
        if entity["name"] == "pre-function" and entity["service"]
    ]:
        code = entity["config"]["access"][0].replace(
            "local MORE = ''", "local MORE = 'x-company'"
        )
        httpx.patch(
            f"{kong.admin_url}/plugins/{entity['id']}",
            json={"config": {"access": [code]}},
        ).raise_for_status()
    headers = upstream_headers(
        send(
            kong,
            "/orders/health",
            "X_Company: forged",
            "X-Company-User: forged",
            "X-Companys: sent",
        )
    )
    assert headers["x-companys"] == ["sent"] and not [
        values for values in headers.values() if "forged" in values
    ]


@pytest.mark.parametrize(
    "added", ["x'", "x]==]", "", "x y", "x\n", "x" * 65, "-x", "\u017f"]
)
def test_what_a_stack_adds_is_a_name(added: str) -> None:
    """It stands in a script."""
    with pytest.raises(StackError):
        settings(
            gateway={
                "cidrs": ["192.0.2.0/24"],
                "reach": "loadBalancer",
                "stripHeaders": [added],
            }
        )


@pytest.mark.parametrize(
    ("added", "headers", "reason"),
    [
        ("Content", "content-length", "the gateway needs it"),
        ("Transfer-Encoding", "transfer-encoding", "the gateway needs it"),
        ("authorization", "authorization", "the gateway needs it"),
        ("X-Forwarded-For", "x-forwarded-for", "Kong reads it earlier"),
        ("x-forwarded", "x-forwarded-for", "Kong reads it earlier"),
        ("X", "x-forwarded-for", "Kong reads it earlier"),
        ("via", "via", "Kong reads it earlier"),
    ],
)
def test_a_stack_takes_no_header_that_the_gateway_needs(
    added: str, headers: str, reason: str
) -> None:
    """Without a length a body becomes another request. Headers that Kong writes anew still arrive."""
    with pytest.raises(
        StackError,
        match=rf"gateway\.stripHeaders: '{added}' removes {headers}, but {reason}",
    ):
        settings(
            gateway={
                "cidrs": ["192.0.2.0/24"],
                "reach": "loadBalancer",
                "stripHeaders": [added],
            }
        )


def test_every_header_of_the_list_is_documented_and_none_else() -> None:
    """The page says whose each is."""
    script = (PROJECT / "kong_oam/kong/lua/admission.lua").read_text("utf-8")
    (listed,) = re.findall(r"gmatch\(\n(.*?),\s+'%S", script, re.DOTALL)
    section = below(
        page("reference/paths-and-headers.md"),
        "## Headers that callers cannot send",
    )
    documented = re.findall(r"`([^`]+)`", section.partition("|---|---|")[2])
    assert sorted(documented) == sorted(
        " ".join(re.findall(r"'([^']*)'", listed)).split()
    )
    assert len(set(documented)) == len(documented)


@pytest.mark.parametrize(
    "lines",
    [
        ("Connection: keep-alive, Upgrade", "Upgrade: websocket"), ("Proxy-Connection: X-Auth-Client",),
        ("Keep-Alive: X-Auth-Client",), ("TE: X-Auth-Client",), ("Trailer: X-Auth-Client",), ("X_Auth_Client: admin", "X-Auth-Client: admin"),
    ],
)  # fmt: skip
def test_the_verified_identity_arrives_whatever_the_client_says(
    kong: Kong, lines: tuple[str, ...]
) -> None:
    """Connection could name the gate's headers for deletion, and underscores could repeat their
    names. test_ambiguous_headers.py tests the options of Connection."""
    headers = upstream_headers(
        send(kong, "/orders", bearer(signed(USER)), *lines)
    )
    assert {
        name: headers[name] for name in headers if name.startswith("x-auth-")
    } == {
        "x-auth-client": ["c"],
        "x-auth-subject": ["someone"],
        "x-auth-scopes": ["read"],
    }


def test_preflights_are_authenticated_and_tokens_are_read_from_one_place(
    kong: Kong,
) -> None:
    """`jwt` could skip OPTIONS, or read a query or a cookie that the gate does not look at."""
    plugins = [
        entity for entity in kong.entities("plugins") if entity["name"] == "jwt"
    ]
    assert {
        (
            plugin["config"]["run_on_preflight"],
            *map(
                tuple,
                (
                    plugin["config"][f"{part}_names"]
                    for part in ("uri_param", "cookie", "header")
                ),
            ),
        )
        for plugin in plugins
    } == {(True, (), (), ("authorization",))}
    assert inspect(Account(kong.admin_url)).version


# The model against the gate


def test_authenticate_answers_a_token_with_an_expiry_of_400_digits(
    kong: Kong,
) -> None:
    """`authenticate` is total: it says no, as the gate does."""
    token = signed(with_claim("exp", "1" + "0" * 400))
    assert send(kong, "/orders", bearer(token)).status == 401
    assert isinstance(authenticate(token, RINGS["main"], NOW), Refusal)


@pytest.mark.parametrize("text", ['"\\ud800"', "1e999"])
def test_model_and_gate_agree_on_values_that_nobody_uses(
    kong: Kong, text: str
) -> None:
    """A claim that is not looked at must not make the one accept and the other refuse."""
    token = signed(with_claim("x", text))
    expected = answer(
        ESTATE,
        Request("GET", "orders.example.com", b"/orders"),
        (f"Bearer {token}",),
        RINGS,
        NOW,
    )
    assert send(kong, "/orders", bearer(token)).status == expected.status


@pytest.mark.parametrize("http", ["{/a: 80, /a/b: 80}", "{/a: 80, /a/b: 81}"])
def test_a_public_rule_holds_on_a_gateway_path_below_it(http: str) -> None:
    """Nothing opens, but what is meant to be public asks for a token."""
    made = estate(
        api(
            http=http,
            access="{owner: t, rules: [{paths: [/a], methods: [GET], public: {reason: p}}]}",
        )
    )
    request = Request("GET", "orders.example.com", b"/a/b/c")
    with Kong(now=lambda: NOW) as gateway:
        kong_deployment.deploy(
            gateway.admin_url, made, {"main": {"main": PEMS["main"]}}
        )
        assert (
            send(gateway, "/a/b/c").status
            == answer(made, request, (), RINGS, NOW).status
            == 200
        )


@pytest.mark.parametrize("rule", ["/a/b", "/a/b/c"])
def test_a_public_rule_takes_no_path_from_the_component_nested_there(
    rule: str,
) -> None:
    """Nothing opens, but whoever owns /a can cut off the component that owns /a/b by a rule of their own."""
    public = f"{{owner: t, rules: [{{paths: [{rule}], methods: [GET], public: {{reason: p}}}}]}}"
    made = estate(
        api("outer", http="{/a: 80}", access=public),
        api("inner", http="{/a/b: 80}"),
        stack=STACK,
    )
    with Kong(now=lambda: NOW) as gateway:
        kong_deployment.deploy(
            gateway.admin_url, made, {"main": {"main": PEMS["main"]}}
        )
        assert send(gateway, "/a/b/c", bearer(GOOD)).status == 200


# Applications

ROOT = "{owner: t, scopes: {admin: a}, rules: [{paths: [/], public: {reason: p}}, {paths: [%s], scopes: [admin]}]}"


@pytest.mark.parametrize(
    "path", ["/admin/*", "/*/admin", "/admin*", "/users/:id"]
)
def test_a_path_that_reads_like_a_pattern_is_refused(path: str) -> None:
    """Every other router takes them for patterns: an author who writes them means to guard more than one path."""
    assert (
        compiled(api(http="{/: 80}", access=ROOT % f'"{path}"')).estate is None
    )


@pytest.mark.parametrize("target", ["/ADMIN", "/Admin/users"])
def test_a_public_rule_does_not_own_the_other_spellings_of_a_protected_path(
    target: str,
) -> None:
    """Express and ASP.NET match paths in any case, Rails and older Spring with any extension."""
    made = estate(api(http="{/: 80}", access=ROOT % "/admin"))
    assert (
        answer(
            made,
            Request("GET", "orders.example.com", target.encode()),
            (),
            RINGS,
            NOW,
        ).status
        != 200
    )


THIEF = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: thief, namespace: {namespace}}}
spec:
  components:
    - name: thief
      type: webservice
      properties: {properties}
"""
CLIENT = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, namespace: shop}
spec:
  components:
    - name: checkout
      type: worker
      properties: {image: x}
      traits: [{type: client, properties: {kind: service}}]
"""


@pytest.mark.parametrize(
    "properties",
    [
        "{image: x, env: [{name: S, valueFrom: {secretKeyRef: {name: checkout-client, key: OAUTH_PRIVATE_KEY}}}]}",
        "{image: x, volumeMounts: {secret: [{name: s, mountPath: /s, secretName: checkout-client}]}}",
        "{image: x, volumes: [{name: s, type: secret, mountPath: /s, secretName: checkout-client}]}",
    ],
    ids=["env", "volumeMounts", "volumes"],
)
def test_no_application_takes_the_credential_of_anothers_client(
    properties: str,
) -> None:
    """The holder of the credential gets the client's scopes, although no role grants them."""
    assert (
        compiled(
            CLIENT, THIEF.format(namespace="shop", properties="{image: x}")
        ).estate
        is not None
    )
    assert (
        compiled(
            CLIENT, THIEF.format(namespace="shop", properties=properties)
        ).estate
        is None
    )


def lowered(
    namespace: str, component: str, properties: Mapping[str, Any]
) -> manifests.Workload:
    exposures = (manifests.Exposure(None, (80,)),)
    return manifests.Workload(
        "a", namespace, component, "webservice", properties, {}, {}, exposures
    )


def test_no_applications_pod_counts_as_the_gateway() -> None:
    """Such a pod connects to every workload past the gate, and is sent the gateway's own traffic."""
    properties = json.dumps(
        {"image": "x", "labels": {"app.kubernetes.io/name": "kong"}}
    )
    stack = replace(STACK, gateway_namespace="kong")
    assert (
        compiled(
            THIEF.format(namespace="kong", properties=properties), stack=stack
        ).estate
        is None
    )
    assert (
        compiled(
            THIEF.format(namespace="other", properties=properties), stack=stack
        ).estate
        is not None
    )


def test_two_apis_never_share_a_variable() -> None:
    """Otherwise a client of both APIs could send a token to the wrong API. A double dash would fold
    to the same as the slash."""
    assert (
        compiled(
            THIEF.format(namespace="n", properties="{image: x}").replace(
                "thief", "a--b"
            )
        ).estate
        is None
    )
    assert calling._environment("API_URL", "a-b/c") != calling._environment(
        "API_URL", "a/b-c"
    )


@pytest.fixture(scope="module")
def registered() -> list[Registered]:
    """Return the resources of the sample estate."""
    return program()


def test_no_pod_is_up_before_its_network_policy(
    registered: list[Registered],
) -> None:
    """Without the policy, anybody in the cluster reaches the pod past the gate. The policy must not
    be deleted first either."""
    policies = {
        resource.name
        for resource in registered
        if resource.type.endswith(":NetworkPolicy")
    }
    deployments = [
        resource
        for resource in registered
        if resource.type.endswith(":Deployment")
    ]
    assert len(deployments) == len(policies) > 0
    assert all(
        entity.name.replace("-deployment", "-ingress") in entity.after
        for entity in deployments
    )
