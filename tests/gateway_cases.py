"""Requests to one estate, generated, with the tokens that they carry: one generator for the sandbox and the live tier."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import strategies as st

from access.decide import Decision, Request, answer
from access.model import Estate, Provider, Stack
from access.tokens import Key, KeyRing
from tests.estates import PROVIDER, api, estate

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


def nested_estate(domain: str, stack: Stack) -> Estate:
    """Three components on `orders.<domain>`, `*.<domain>` and below it: nested public and protected paths, two ports."""
    host = f"orders.{domain}"
    wild = "{owner: w, rules: [{methods: [GET], public: {reason: w}}]}"
    return estate(
        api("orders", domain=host, http="{/orders: 8080, /docs: 8080, /orders/files: 9090}", access=ACCESS),
        api("nested", domain=host, http="{/orders/nested: 8080}"),
        api("wild", domain=f"*.{domain}", http="{/: 80}", access=wild),
        api("deep", domain=f"*.deep.{domain}", http="{/orders: 80}"),
        stack=stack,
    )


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


_private_key = partial(rsa.generate_private_key, public_exponent=65537, key_size=2048)


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer of the tests' own: `key` is in its ring as `kid`, `other` is not. `now` is in Unix seconds."""

    now: float
    kid: str = "k1"
    provider: Provider = PROVIDER
    key: rsa.RSAPrivateKey = field(default_factory=_private_key, repr=False)
    other: rsa.RSAPrivateKey = field(default_factory=_private_key, repr=False)

    @property
    def pem(self) -> str:
        """The public key as Kong's credentials hold it."""
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    @property
    def ring(self) -> KeyRing:
        assert self.provider.issuer is not None
        return KeyRing(self.provider, self.provider.issuer, {self.kid: Key(self.kid, self.key.public_key())})

    def signed(self, payload: bytes, key: rsa.RSAPrivateKey | None = None, **header: Any) -> str:
        """A token in compact form; `header` changes its header (RS256 and `kid`)."""
        head = json.dumps({"kid": self.kid, "alg": "RS256", **header}).encode()
        text = f"{encoded(head)}.{encoded(payload)}"
        return f"{text}.{encoded((key or self.key).sign(text.encode(), padding.PKCS1v15(), SHA256()))}"

    def payload(self, **changes: Any) -> bytes:
        """Claims of a service's token that is good for an hour; a change to None takes a claim away."""
        base = {
            "iss": self.provider.issuer,
            "aud": self.provider.audience,
            "exp": self.now + 3600,
            "jti": "AT.1",
            "cid": "c",
            "sub": "c",
            "scp": ["read"],
        }
        return json.dumps({name: value for name, value in {**base, **changes}.items() if value is not None}).encode()

    def token(self, **changes: Any) -> str:
        return self.signed(self.payload(**changes))

    def service(self, scopes: Iterable[str]) -> str:
        return self.token(scp=list(scopes))

    def user(self, scopes: Iterable[str], groups: Iterable[str]) -> str:
        return self.token(scp=list(scopes), uid="u1", sub="someone", groups=list(groups))

    def faults(self) -> dict[str, str]:
        """Tokens that do not count, by what is wrong with them; all but `two audiences`, which is good."""
        token, signed, payload = self.token, self.signed, self.payload()
        return {
            "expired": token(exp=self.now - 3600),
            "exp is a text": token(exp="never"),
            "no exp": token(exp=None),
            "early": token(nbf=self.now + 3000),
            "nbf is a text": token(nbf="x"),
            "another issuer": token(iss="https://other.example.com"),
            "another audience": token(aud="api://other"),
            "two audiences": token(aud=["api://other", self.provider.audience]),
            "audiences of two types": token(aud=[self.provider.audience, 1]),
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
            "kid in the payload": token(kid=self.kid),
            "another key": signed(payload, self.other),
            "unknown key id": signed(payload, kid=f"{self.kid}-unknown"),
            "key id is a number": signed(payload, kid=7),
            "alg none": signed(payload, alg="none"),
            "alg HS256": signed(payload, alg="HS256"),
            "scp twice": signed(payload[:-1] + b',"scp":["read","write"]}'),
            "NaN": signed(payload[:-1] + b',"x":NaN}'),
            "payload is an array": signed(b"[1]"),
            "not UTF-8": signed(b"\xff{}"),
            "nested deeply": signed(b'{"a":' * 40 + b"1" + b"}" * 40),
            "not JSON": "a.b.c",
            "an empty part": "a..c",
        }


@dataclass(frozen=True, slots=True)
class Case:
    """One request as it is sent: `target` the raw bytes of the request line, `authorization` its header's values."""

    method: str
    host: str
    target: bytes
    authorization: tuple[str, ...] = ()

    def raw(self, *more: bytes) -> bytes:
        """The bytes of the request; `more` are further header lines."""
        lines = [b"%s %s HTTP/1.1" % (self.method.encode(), self.target), b"Host: " + self.host.encode()]
        lines += [b"Authorization: " + value.encode() for value in self.authorization]
        return b"\r\n".join([*lines, *more, b"", b""])

    def meant(self, estate: Estate, issuer: Issuer) -> Decision:
        """What the model answers, to be compared with what a gateway does."""
        request = Request(self.method, self.host, self.target)
        return answer(estate, request, self.authorization, {issuer.provider.name: issuer.ring}, issuer.now)

    def statuses(self, meant: Decision) -> frozenset[int]:
        """The statuses that count as `meant` at the gateway."""
        statuses: set[int] = {meant.status}
        if meant.status == 400:
            statuses.add(404)  # no route was reached
        if self.host != self.host.lower():
            statuses.add(401)  # the wildcard's route was reached, and its admission spoke before its gate
        return frozenset(statuses)


_SCOPES = st.lists(st.sampled_from(["read", "write", "a.b", "other"]), max_size=3)
_GROUPS = st.lists(st.sampled_from(["sales", "desk", "none", "de]==]sk"]), max_size=2)
_ODD = [("Basic YTpi",), ("bearer x.y.z",), ("Bearer  x.y.z",), ("Negotiate bearer",), ("Bearer",)]
_ELEMENTS = ["orders", "health", "deep", "docs", "nested", "files", "7", "x:y", "x%3ay", "x%3Ay", "%6frders", ".", "..", "",
             "orders-internal", "Health", "%2e%2e", "..;", "%2f", "%5c", "a%20b", "%25", "caf%C3%A9", "%ff", "h\\x", "ORDERS", "%zz", "a%00"]  # fmt: skip
_TARGETS = st.builds(
    lambda parts, query: ("/" + "/".join(parts) + query).encode(),
    st.lists(st.sampled_from(_ELEMENTS), max_size=5),
    st.sampled_from(["", "?x=/orders", "?"]),
)
# TRACE and CONNECT never get as far: nginx itself answers 405.
_METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"])


def cases(domain: str, issuer: Issuer, unknown_host: str = "nope.test") -> st.SearchStrategy[Case]:
    """Requests to `nested_estate(domain, ...)`, and some to `unknown_host`, which nobody serves."""
    faults = issuer.faults()
    tokens = st.one_of(
        st.builds(issuer.service, _SCOPES),
        st.builds(issuer.user, _SCOPES, _GROUPS),
        st.sampled_from(sorted(faults)).map(faults.__getitem__),
    )
    authorization = st.one_of(st.just(()), st.builds(lambda token: (f"Bearer {token}",), tokens), st.sampled_from(_ODD))
    hosts = [f"orders.{domain}", f"orders.{domain}:80", f"ORDERS.{domain}", f"a.{domain}", f"x.deep.{domain}"]
    return st.builds(Case, _METHODS, st.sampled_from([*hosts, unknown_host]), _TARGETS, authorization)
