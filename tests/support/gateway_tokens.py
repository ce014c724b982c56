"""The issuers of the tests: their tokens, and every kind of invalid token
(docs/explanation/design.md#valid-tokens)."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kong_oam.access.providers import Provider
from kong_oam.access.tokens import Key, KeyRing
from tests.support.json_object import JsonObject

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
GROUPS = ("sales", "desk", "de]==]sk", "b\u00fcro")
"""Logical names of groups; one name tries to break out of the Lua string with the gate's table."""

CLIENTS = {"c": "callers/all", "d": "callers/some"}
"""The clients that tokens name: a client with every scope, and a client with some scopes. By
default tokens name "c", and the component itself."""

rsa_key = partial(
    rsa.generate_private_key, public_exponent=65537, key_size=2048
)
ec_key = partial(ec.generate_private_key, ec.SECP256R1())


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def signature(key: PrivateKey, text: str) -> bytes:
    """Sign a text: RS256 or ES256, by the kind of key."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(text.encode(), padding.PKCS1v15(), SHA256())
    r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


def _written(scopes: Iterable[str], form: str) -> str | list[str]:
    return list(scopes) if form == "list" else " ".join(scopes)


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer: `key` is in its ring as `kid`, `stray` is not. `now` and the `lifetime` of its
    tokens are in Unix seconds."""

    now: float
    provider: Provider
    kid: str = "k1"
    key: PrivateKey = field(default_factory=rsa_key, repr=False)
    stray: PrivateKey = field(default_factory=rsa_key, repr=False)
    lifetime: float = 3600
    audiences: Mapping[str, str] = field(default_factory=dict)
    """The audiences that the provider made up, by component."""

    @property
    def pem(self) -> str:
        """Return the public key as Kong's credentials hold it."""
        return (
            self.key.public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            .decode()
        )

    @property
    def ring(self) -> KeyRing:
        assert self.provider.issuer is not None
        keys = {self.kid: Key(self.kid, self.key.public_key())}
        return KeyRing(
            self.provider, self.provider.issuer, keys, self.audiences, CLIENTS
        )

    @property
    def algorithm(self) -> str:
        return self.ring.keys[self.kid].algorithm

    def signed(
        self, payload: bytes, key: PrivateKey | None = None, **header: Any
    ) -> str:
        """Return a token in compact form; `header` changes its header (the key's algorithm and
        `kid`)."""
        head = {"kid": self.kid, "alg": self.algorithm, **header}
        return self.signed_as(
            json.dumps(
                {
                    name: value
                    for name, value in head.items()
                    if value is not None
                }
            ),
            payload,
            key,
        )

    def signed_as(
        self, head: str, payload: bytes, key: PrivateKey | None = None
    ) -> str:
        """Return the same with the text of a whole header."""
        text = f"{encoded(head.encode())}.{encoded(payload)}"
        return f"{text}.{encoded(signature(key or self.key, text))}"

    def payload(
        self,
        scopes: Iterable[str] = (),
        /,
        *,
        client: str = "c",
        **changes: Any,
    ) -> bytes:
        """Return claims of a valid token: a service's, unless `changes` have the claim that marks a
        user.

        A change to None removes a claim.
        """
        spelling = self.provider.spelling
        user = changes.get(spelling.user) is not None
        listing = spelling.scopes if user else spelling.service_scopes
        own = {} if user else {spelling.own: spelling.own_value or client}
        base = {
            "iss": self.provider.issuer,
            "aud": self.provider.audience,
            "exp": self.now + self.lifetime,
            **{
                mark.claim: mark.value + ("1" if mark.prefix else "")
                for mark in spelling.marks
            },
            spelling.client: client,
            spelling.subject: client,
            listing.claim: _written(scopes, listing.form),
            **own,
        }
        return json.dumps(
            {
                name: value
                for name, value in {**base, **changes}.items()
                if value is not None
            }
        ).encode()

    def token(self, scopes: Iterable[str] = (), /, **changes: Any) -> str:
        return self.signed(self.payload(scopes, **changes))

    def service(self, scopes: Iterable[str], client: str = "c") -> str:
        return self.token(scopes, client=client)

    def user(
        self, scopes: Iterable[str], groups: Iterable[str], /, **changes: Any
    ) -> str:
        """Return a user's token; `groups` are the provider's names."""
        return self.token(scopes, **{**self.of_user(groups), **changes})

    def of_user(self, groups: Iterable[str]) -> JsonObject:
        """Return the claims that make a token a user's."""
        spelling = self.provider.spelling
        return {
            spelling.user: "u1",
            spelling.subject: "someone",
            spelling.groups: list(groups),
        }

    def faults(self, scopes: Iterable[str], stranger: Issuer) -> dict[str, str]:
        """Return invalid tokens, by their only fault; each would otherwise have all `scopes`.

        `stranger` is another issuer whose tokens the same gateway knows.
        """
        scopes, spelling, provider = (
            tuple(scopes),
            self.provider.spelling,
            self.provider,
        )
        token, signed = partial(self.token, scopes), self.signed
        user = partial(self.user, scopes, map(provider.group, GROUPS))
        good = self.payload(scopes)
        head, body, signature = signed(good).split(".")
        mark, own, listing = (
            spelling.marks[0],
            spelling.own,
            spelling.service_scopes,
        )
        other_form = "words" if listing.form == "list" else "list"
        more = partial(self._with, good)
        shared = f"{encoded(json.dumps({'kid': self.kid, 'alg': 'HS256'}).encode())}.{body}"
        return {
            "expired": token(exp=self.now - 3600),
            "exp is a text": token(exp="never"),
            "exp is true": token(exp=True),
            "exp is no double": signed(
                self._with(self.payload(scopes, exp=None), '"exp":1e999')
            ),
            "exp has 400 digits": signed(
                self._with(self.payload(scopes, exp=None), f'"exp":{"9" * 400}')
            ),
            "another claim has 400 digits": signed(more(f'"n":{"9" * 400}')),
            "no exp": token(exp=None),
            "early": token(nbf=self.now + self.lifetime - 600),
            "nbf is a text": token(nbf="x"),
            "another issuer": token(iss="https://other.example.com"),
            "issuers are a list": token(iss=[provider.issuer]),
            "another audience": token(aud="api://other"),
            "no audience": token(aud=None),
            "no audience of a list": token(aud=[]),
            "another audience of a list": token(aud=["api://other"]),
            "audience is an object": token(aud={"1": provider.audience}),
            "audiences of two types": token(aud=[provider.audience, 1]),
            "an ID token": token(**{mark.claim: "ID.1"}),
            "no mark of an access token": token(**{mark.claim: None}),
            "not the last mark of an access token": token(
                **{spelling.marks[-1].claim: "else"}
            ),
            "no client": token(**{spelling.client: None}),
            "client is a number": token(**{spelling.client: 7}),
            "client with a line feed": token(
                **{spelling.client: "a\nb", own: spelling.own_value or "a\nb"}
            ),
            "subject is a list": token(**{spelling.subject: ["c"]}),
            "neither a user's nor a service's own": token(**{own: "else"}),
            "user is a number": user(**{spelling.user: 7}),
            "groups of a service is a text": token(
                **{spelling.groups: "sales"}
            ),
            "groups of a service of two types": token(
                **{spelling.groups: ["sales", 1]}
            ),
            "groups is a text": user(**{spelling.groups: "sales"}),
            "groups of two types": user(**{spelling.groups: ["sales", 1]}),
            "scopes are of the other form": token(
                **{listing.claim: _written(scopes, other_form)}
            ),
            "scopes of two types": token(**{listing.claim: [*scopes, 1]}),
            "scopes is an object": token(**{listing.claim: {"read": True}}),
            "overage": user(**{spelling.overage[0]: True}),
            "the last overage": user(**{spelling.overage[-1]: True}),
            "kid in the payload": token(kid=self.kid),
            "another key": signed(good, self.stray),
            "unknown key id": signed(good, kid=f"{self.kid}-unknown"),
            "no key id": signed(good, kid=None),
            "key id is a number": signed(good, kid=7),
            "key id twice": self.signed_as(
                f'{{"kid":"x","kid":"{self.kid}","alg":"{self.algorithm}"}}',
                good,
            ),
            "alg none": signed(good, alg="none"),
            "alg HS256": signed(good, alg="HS256"),
            "alg HS256, with the public key": f"{shared}.{encoded(hmac.digest(self.pem.encode(), shared.encode(), sha256))}",
            "no alg": signed(good, alg=None),
            "a stranger's own token": stranger.token(scopes),
            "a stranger's key": stranger.signed(good),
            "a stranger's key under our key id": signed(good, stranger.key),
            "claims changed after signing": f"{head}.{encoded(self.payload((*scopes, 'x')))}.{signature}",
            "scopes twice": signed(more(f'"{listing.claim}":["read","write"]')),
            "a key twice, deep inside": signed(more('"x":[{"a":1,"a":2}]')),
            "NaN": signed(more('"x":NaN')),
            "a lone surrogate": signed(more('"x":"\\ud800"')),
            "payload is an array": signed(b"[1]"),
            "not UTF-8": signed(b"\xff{}"),
            "nested deeply": signed(b'{"a":' * 40 + b"1" + b"}" * 40),
            "not JSON": "a.b.c",
            "an empty part": "a..c",
            "the standard alphabet": f"{head}.{body[:-1]}+.{signature}",
            "padded": f"{head}.{body}=.{signature}",
            "four parts": f"{head}.{body}.{signature}.{signature}",
        }

    @staticmethod
    def _with(payload: bytes, member: str) -> bytes:
        return payload[:-1] + b"," + member.encode() + b"}"


MALFORMED = frozenset(
    {
        "kid in the payload",
        "no key id",
        "key id is a number",
        "key id twice",
        "scopes twice",
        "a key twice, deep inside",
        "NaN",
        "exp is no double",
        "exp has 400 digits",
        "another claim has 400 digits",
        "a lone surrogate",
        "payload is an array",
        "not UTF-8",
        "nested deeply",
        "not JSON",
        "an empty part",
        "the standard alphabet",
        "padded",
        "four parts",
    }
)
"""Faults that admission denies also on public paths: another reader could see another token. The
rest count as no token."""
