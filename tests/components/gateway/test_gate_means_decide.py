"""Enforced equals meant: the emitted Lua in the sandbox's proxy (a stand-in for Kong) answers as `decide` does."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.decide import Request, answer
from access.model import Estate
from access.tokens import Key, KeyRing
from sandbox.kong import Kong
from tests import kong_entities
from tests.estates import ISSUER, PROVIDER, STACK, api, estate

NOW = time.time()
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
RING = KeyRing(PROVIDER, ISSUER, {"k1": Key("k1", KEY.public_key())})

ACCESS = """
            owner: team
            scopes: {read: r, write: w, "a.b": odd}
            rules:
              - {paths: [/orders], methods: [GET], scopes: [read]}
              - {paths: [/orders], methods: [POST, PUT], scopes: [read, write]}
              - {paths: [/orders], methods: [PUT], scopes: ["a.b"]}
              - {paths: [/orders/health, "/orders/x:y"], methods: [GET], public: {reason: probes}}
              - {paths: [/orders/health/deep], scopes: [write]}
              - {paths: [/docs], methods: [GET, OPTIONS], public: {reason: docs}}
            roles:
              viewer: {scopes: [read], groups: [sales]}
              editor: {scopes: [read, write], groups: [desk, "de]==]sk"]}
"""

ESTATE = estate(
    api("orders", http="{/orders: 8080, /docs: 8080, /orders/files: 9090}", access=ACCESS),
    api("nested", http="{/orders/nested: 8080}"),
    api(
        "wild",
        domain="*.example.com",
        http="{/: 80}",
        access="{owner: w, rules: [{methods: [GET], public: {reason: w}}]}",
    ),
    api("deep", domain="*.deep.example.com", http="{/orders: 80}"),
)


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def signed(payload: bytes, header: bytes = b'{"kid":"k1","alg":"RS256"}', key: rsa.RSAPrivateKey = KEY) -> str:
    text = f"{encoded(header)}.{encoded(payload)}"
    return f"{text}.{encoded(key.sign(text.encode(), padding.PKCS1v15(), SHA256()))}"


def claims(**changes: Any) -> dict[str, Any]:
    base = {
        "iss": ISSUER,
        "aud": "api://tests",
        "exp": NOW + 900,
        "jti": "AT.1",
        "cid": "c",
        "sub": "c",
        "scp": ["read"],
    }
    return {name: value for name, value in {**base, **changes}.items() if value is not None}


def token(**changes: Any) -> str:
    return signed(json.dumps(claims(**changes)).encode())


def service(scopes: list[str]) -> str:
    return token(scp=scopes)


def user(scopes: list[str], groups: Any) -> str:
    return token(scp=scopes, uid="u1", sub="someone", groups=groups)


SCOPES = st.lists(st.sampled_from(["read", "write", "a.b", "other"]), max_size=3)
GROUPS = st.lists(st.sampled_from(["sales", "desk", "none", "de]==]sk"]), max_size=2)

FAULTS = {
    "expired": token(exp=NOW - 10),
    "exp is a text": token(exp="never"),
    "no exp": token(exp=None),
    "early": token(nbf=NOW + 600),
    "nbf is a text": token(nbf="x"),
    "another issuer": token(iss="https://other.example.com"),
    "another audience": token(aud="api://other"),
    "two audiences": token(aud=["api://other", "api://tests"]),
    "audiences of two types": token(aud=["api://tests", 1]),
    "an ID token": token(jti="ID.1"),
    "no jti": token(jti=None),
    "no client": token(cid=None),
    "client is a number": token(cid=7),
    "client with a line feed": token(cid="a\nb", sub="a\nb"),
    "subject is not the client": token(sub="else"),
    "user is a number": token(uid=7, sub="someone"),
    "groups is a text": token(uid="u", groups="sales"),
    "scopes is a text": token(scp="read"),
    "scopes of two types": token(scp=["read", 1]),
    "scopes is an object": token(scp={"read": True}),
    "overage": token(uid="u", more=True, groups=["sales"]),
    "kid in the payload": token(kid="k1"),
    "another key": signed(json.dumps(claims()).encode(), key=OTHER),
    "unknown key id": signed(json.dumps(claims()).encode(), header=b'{"kid":"k2","alg":"RS256"}'),
    "key id is a number": signed(json.dumps(claims()).encode(), header=b'{"kid":7,"alg":"RS256"}'),
    "alg none": signed(json.dumps(claims()).encode(), header=b'{"kid":"k1","alg":"none"}'),
    "alg HS256": signed(json.dumps(claims()).encode(), header=b'{"kid":"k1","alg":"HS256"}'),
    "scp twice": signed(json.dumps(claims()).encode()[:-1] + b',"scp":["read","write"]}'),
    "NaN": signed(json.dumps(claims()).encode()[:-1] + b',"x":NaN}'),
    "payload is an array": signed(b"[1]"),
    "not UTF-8": signed(b"\xff{}"),
    "nested deeply": signed(b'{"a":' * 40 + b"1" + b"}" * 40),
    "not JSON": "a.b.c",
    "an empty part": "a..c",
}


def faulty(name: str) -> str:
    return FAULTS[name]


FAULTY = st.builds(faulty, st.sampled_from(sorted(FAULTS)))
TOKENS = st.one_of(st.builds(service, SCOPES), st.builds(user, SCOPES, GROUPS), FAULTY)
AUTHORIZATION = st.one_of(
    st.just(()),
    st.builds(lambda t: (f"Bearer {t}",), TOKENS),
    st.sampled_from([("Basic YTpi",), ("bearer x.y.z",), ("Bearer  x.y.z",), ("Negotiate bearer",), ("Bearer",)]),
)
ELEMENTS = ["orders", "health", "deep", "docs", "nested", "files", "7", "x:y", "x%3ay", "x%3Ay", "%6frders", ".", "..", "",
            "orders-internal", "%2e%2e", "..;", "%2f", "%5c", "a%20b", "%25", "caf%C3%A9", "%ff", "h\\x", "ORDERS", "%zz", "a%00"]  # fmt: skip
TARGETS = st.builds(
    lambda parts, query: ("/" + "/".join(parts) + query).encode(),
    st.lists(st.sampled_from(ELEMENTS), max_size=5),
    st.sampled_from(["", "?x=/orders", "?"]),
)
HOSTS = st.sampled_from(
    [
        "orders.example.com",
        "orders.example.com:80",
        "ORDERS.example.com",
        "a.example.com",
        "x.deep.example.com",
        "nope.test",
    ]
)
# TRACE and CONNECT never get as far: nginx itself answers 405.
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"])


class Gate:
    """A gateway and the estate that it enforces; no dataclass, so that a failing case prints the request alone."""

    def __init__(self, kong: Kong, estate: Estate) -> None:
        self.kong, self.estate = kong, estate


@pytest.fixture(scope="module")
def gate() -> Iterator[Gate]:
    with Kong(now=lambda: NOW) as kong:
        kong_entities.deploy(kong.admin_url, ESTATE, {"main": {"k1": PEM}})
        yield Gate(kong, ESTATE)


@settings(max_examples=3000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(method=METHODS, host=HOSTS, target=TARGETS, authorization=AUTHORIZATION)
def test_the_gate_answers_as_decide(
    gate: Gate, method: str, host: str, target: bytes, authorization: tuple[str, ...]
) -> None:
    """For any request the gateway's status is that of the meaning; an unreadable path may reach no route instead."""
    lines = [b"%s %s HTTP/1.1" % (method.encode(), target), b"Host: " + host.encode()]
    lines += [b"Authorization: " + value.encode() for value in authorization]
    got = gate.kong.handle(b"\r\n".join(lines) + b"\r\n\r\n", scheme="https")
    meant = answer(gate.estate, Request(method, host, target), authorization, {"main": RING}, NOW)
    expected = {meant.status}
    if meant.status == 400:
        expected.add(404)  # no route was reached
    if host != host.lower():
        expected.add(401)  # the wildcard's route was reached, and its admission spoke before its gate
    assert got.status in expected, (got.status, meant, got.body)
    assert (got.upstream is not None) == meant.allowed


def test_the_stack_of_these_tests_is_https() -> None:
    """Requests above are made as over TLS, because the stack's routes take nothing else."""
    assert STACK.scheme == "https"
