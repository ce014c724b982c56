"""Validate tokens.

Sources: docs/concepts.md#tokens-and-scopes and
docs/explanation/design.md#valid-tokens.

Tokens are JSON Web Tokens (RFC 7519) in compact form, signed with RS256 or ES256 (RFC 7518).
`bearer` and `authenticate` never raise: they return a refusal with its reason.
"""

from __future__ import annotations

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any, TypeGuard

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from kong_oam.access.data import Names, Texts
from kong_oam.access.providers import ClaimMapping, Listing, Provider, TokenType

_BEARER = re.compile(
    r"Bearer ([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)\Z"
)
# A bearer token of any form (RFC 6750, 2.1).
_ANY_BEARER = re.compile(r"[Bb]earer [A-Za-z0-9._~+/-]+=*\Z")
# The unchecked claims of a token, of any type.
_RawClaims = Mapping[str, object]

_KEY_ID = re.compile(r"[A-Za-z0-9._~:=+/-]{1,128}\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MAX_DEPTH = 32
_EARLY = "not valid yet"
# Characters of an ES256 signature: 64 bytes (RFC 7518, 3.4). Kong's `jwt` answers 500 for any other
# length.
_ES256_SIGNATURE = 86


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a valid token. `user`: a user signed in. `groups`: the provider's names.

    `client` is the component (`application/component`) that got the token; empty for a client
    outside the estate. `audience` is the model's name of the API that the token is for. It is None
    if the provider's tokens are for all its APIs, and empty for an API that was not asked about.
    """

    provider: str
    client: str
    subject: str
    user: bool
    scopes: Names
    groups: Names = ()
    audience: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no valid token: in words, and as the code of the decision."""

    reason: str
    code: str = field(default="token-needed", compare=False)


# The result of reading a token, or of a request for a token.
Token = Claims | Refusal


@dataclass(frozen=True, slots=True)
class Key:
    """A public key of an issuer. `algorithm` comes from the key's kind, never from a token."""

    kid: str
    public: rsa.RSAPublicKey | ec.EllipticCurvePublicKey = field(repr=False)

    @property
    def algorithm(self) -> str:
        return "RS256" if isinstance(self.public, rsa.RSAPublicKey) else "ES256"


@dataclass(frozen=True, slots=True)
class KeyRing:
    """A provider with a known issuer, and the keys that may sign for it, by key id.

    `audiences`: the audiences that the provider itself chooses, by `application/component`.
    `clients`: the components (`application/component`) of clients, by the client ids in tokens. No
    other client has grants.
    """

    provider: Provider
    issuer: str
    keys: Mapping[str, Key]
    audiences: Texts = field(default_factory=dict)
    clients: Texts = field(default_factory=dict)

    def audience_of(self, component: str) -> str:
        """Return the audience (`aud`) that tokens for the component must list."""
        return self.audiences.get(
            component, self.provider.audience_of(component)
        )


def bearer(authorization: Iterable[str]) -> str | Refusal | None:
    """Return the token of a request's Authorization headers; None if no header mentions bearer.

    A header that mentions bearer must be the only Authorization header, and exactly `Bearer a.b.c`.
    Its token must name its key once. Anything else is a refusal, even on a public path, since a
    laxer server could find another token in it. `is_one_token` is the exception.
    """
    values = tuple(authorization)
    if not any("bearer" in value.lower() for value in values):
        return None
    match = _BEARER.match(values[0]) if len(values) == 1 else None
    if match is None:
        return Refusal(
            "the Authorization header is not exactly 'Bearer <token>'",
            "malformed-authorization",
        )
    parts = _header_and_payload(match.group(1))
    return parts if isinstance(parts, Refusal) else match.group(1)


def is_one_token(authorization: Iterable[str]) -> bool:
    """Return whether the only Authorization header has exactly one bearer token, of any form.

    A workload that issues tokens itself may understand the token.
    """
    values = tuple(authorization)
    return len(values) == 1 and _ANY_BEARER.match(values[0]) is not None


def authenticate(
    token: str, ring: KeyRing, now: float, apis: Iterable[str] = ()
) -> Token:
    """Return the claims of `token` if it is valid at `now` (seconds since 1970), or the reason why
    not.

    `apis` are the components that may receive the token, for a provider whose tokens are for one
    API each. The claims of a valid token for another API have an empty audience.
    """
    parts = _header_and_payload(token)
    if isinstance(parts, Refusal):
        return parts
    kid, algorithm, payload = parts
    key = ring.keys.get(kid)
    if key is None:
        return Refusal(
            "signed with a key that this issuer does not have",
            "token-not-verified",
        )
    if algorithm != key.algorithm or not _signature_matches(key, token):
        return Refusal(
            "the signature does not match the key", "token-not-verified"
        )
    return _validated(payload, ring, now, apis)


def _header_and_payload(
    token: str,
) -> tuple[str, object, _RawClaims] | Refusal:
    """Return the header's key id and algorithm, and the payload, which must not have a key id."""
    parts = token.split(".")
    if len(parts) != 3:
        return Refusal("not three parts", "malformed-authorization")
    try:
        header = _json_object(parts[0])
        payload = _json_object(parts[1])
    except ValueError as error:
        return Refusal(f"malformed: {error}", "malformed-authorization")
    kid = header.get("kid")
    if not isinstance(kid, str) or not _KEY_ID.match(kid) or "kid" in payload:
        return Refusal(
            "the key id is not a plain text, or not only in the header",
            "malformed-authorization",
        )
    algorithm = header.get("alg")
    if algorithm == "ES256" and len(parts[2]) != _ES256_SIGNATURE:
        return Refusal(
            "the signature is not one of ES256", "malformed-authorization"
        )
    return kid, algorithm, payload


def _validated(
    payload: _RawClaims, ring: KeyRing, now: float, apis: Iterable[str]
) -> Token:
    if payload.get("iss") != ring.issuer:
        return Refusal("another issuer", "token-not-for-us")
    audience = payload.get("aud")
    provider = ring.provider
    named = [audience] if isinstance(audience, str) else audience
    if not _is_list_of_texts(named) or not named:
        return Refusal("for another audience", "token-not-for-us")
    if not provider.per_api and provider.audience not in named:
        return Refusal("for another audience", "token-not-for-us")
    if reason := _untimely(payload, now):
        code = "token-untimely" if reason == _EARLY else "token-not-verified"
        return Refusal(reason, code)
    claims = _claims(payload, ring)
    if isinstance(claims, Refusal) or not provider.per_api:
        return claims
    for api in apis:
        if ring.audience_of(api) in named:
            return replace(claims, audience=provider.audience_of(api))
    return replace(claims, audience="")


def _untimely(payload: _RawClaims, now: float) -> str | None:
    expiry = payload.get("exp")
    start = payload.get("nbf", 0)
    if not _is_number(expiry):
        return "no expiry"
    if expiry <= now:
        return "expired"
    if not _is_number(start) or start > now:
        return _EARLY
    return None


def _claims(payload: _RawClaims, ring: KeyRing) -> Token:
    """Return the claims of a token, by its provider's names of claims."""
    spelling = ring.provider.spelling
    for mark in spelling.marks:
        if not _has_mark(payload, mark):
            return _unreadable(f"not an access token: claim '{mark.claim}'")
    if not payload.keys().isdisjoint(spelling.overage):
        return _unreadable("the user has too many groups for the token")
    client = payload.get(spelling.client)
    subject = payload.get(spelling.subject)
    if not _is_name(client) or not _is_name(subject):
        return _unreadable("client or subject is missing or malformed")
    user = spelling.user in payload
    if user and not _is_name(payload[spelling.user]):
        return _unreadable(f"claim '{spelling.user}' is malformed")
    if not user and not _is_own(payload, spelling, client):
        return _unreadable("neither a user's token nor the client's own")
    scopes = _listed(
        payload, spelling.scopes if user else spelling.service_scopes
    )
    groups = payload.get(spelling.groups, [])
    if scopes is None or not _is_list_of_texts(groups):
        return _unreadable("scopes or groups are malformed")
    # Never use the id itself: it could look like a component's key.
    component = ring.clients.get(client, "")
    if not user:
        groups = []
    return Claims(
        ring.provider.name, component, subject, user, scopes, tuple(groups)
    )


def _is_own(payload: _RawClaims, spelling: ClaimMapping, client: str) -> bool:
    """Return whether a token says that it is a service's own token."""
    own = client if spelling.own_value is None else spelling.own_value
    return payload.get(spelling.own) == own


def _unreadable(reason: str) -> Refusal:
    return Refusal(reason, "token-unreadable")


def _has_mark(payload: _RawClaims, mark: TokenType) -> bool:
    """Return whether the token has the claim that marks access tokens."""
    value = payload.get(mark.claim)
    if not isinstance(value, str):
        return False
    return value.startswith(mark.value) if mark.prefix else value == mark.value


def _listed(payload: _RawClaims, listing: Listing) -> Names | None:
    """Return the names that a claim lists; None if it is malformed."""
    names = payload.get(listing.claim, [])
    if listing.form == "words" and listing.claim in payload:
        # One string with blanks between words. Two blanks in a row do not make an empty name.
        names = (
            [*filter(None, names.split(" "))]
            if isinstance(names, str)
            else None
        )
    if not _is_list_of_texts(names):
        return None
    prefix = listing.prefix
    return tuple(
        name[len(prefix) :] for name in names if name.startswith(prefix)
    )


def _is_name(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value != "" and not _CONTROL.search(value)


def _is_number(value: object) -> TypeGuard[int | float]:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and isfinite(value)
    )


def _is_list_of_texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(
        isinstance(item, str) for item in value
    )


def _decode(part: str) -> bytes:
    try:
        return b64decode(
            part + "=" * (-len(part) % 4), altchars=b"-_", validate=True
        )
    except (binascii.Error, ValueError):
        raise ValueError("not base64url") from None


def _json_object(part: str) -> _RawClaims:
    try:
        text = _decode(part).decode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=_pairs,
            parse_constant=_constant,
            parse_float=_finite,
            parse_int=_integer,
        )
        # Fails for a lone surrogate.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict) or _depth(value) > _MAX_DEPTH:
        raise ValueError("not a JSON object of moderate depth")
    return value


def _pairs(pairs: list[tuple[str, Any]]) -> _RawClaims:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("it has a key twice")
    return result


def _finite(text: str) -> float:
    number = float(text)
    return number if isfinite(number) else _constant(text)


def _integer(text: str) -> int:
    """Return an integer that a double can hold. The gate denies others."""
    _finite(text)
    return int(text)


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        value = [*value.values()]
    if not isinstance(value, list):
        return 0
    return 1 + max(map(_depth, value), default=0)


def _signature_matches(key: Key, token: str) -> bool:
    text, _, last = token.rpartition(".")
    signed = text.encode()
    try:
        signature = _decode(last)
        if isinstance(key.public, rsa.RSAPublicKey):
            key.public.verify(signature, signed, padding.PKCS1v15(), SHA256())
        elif len(signature) == 64:
            r = int.from_bytes(signature[:32])
            s = int.from_bytes(signature[32:])
            key.public.verify(
                encode_dss_signature(r, s), signed, ec.ECDSA(SHA256())
            )
        else:
            return False
    except (InvalidSignature, ValueError):
        return False
    return True
