"""Reads what an issuer publishes about itself: its endpoints, and the keys that its tokens are
signed with.

Sources: OpenID Connect Discovery 1.0 (section 4: the document, and that `issuer` in it is the one
that was asked); RFC 7517 (JSON Web Key sets), RFC 7518 section 6 (RSA and elliptic-curve keys).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kong_oam.diagnostics import some
from kong_oam.errors import ProductError
from kong_oam.http.addresses import is_confidential, without_secrets
from kong_oam.http.rates import rate_limit_note, send_with_waits
from kong_oam.http.trust import tls_context
from kong_oam.oam.position import Fields

_TIMEOUT = httpx.Timeout(10.0)
_SMALLEST_RSA = 2048
_BASE64URL = re.compile(r"(?:[A-Za-z0-9_-]{4})*[A-Za-z0-9_-]{2,4}\Z")


class DiscoveryError(ProductError):
    """An issuer that cannot be used as it is. The message says what was found and what to
    change."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A public key that may sign tokens. `algorithm` (RS256 or ES256) follows from the key; `pem`
    is its SPKI."""

    kid: str
    algorithm: str
    pem: str


@dataclass(frozen=True, slots=True)
class Published:
    """The metadata that an issuer publishes. `keys`: those that may sign, in the issuer's own
    order, at least one."""

    issuer: str
    token_endpoint: str
    authorization_endpoint: str
    keys: tuple[SigningKey, ...]


def discover(issuer: str, proxy: str | None = None) -> Published:
    """Fetch what `issuer` publishes. Through `proxy` (a URL) it is asked in plain http, as Okta's
    SDK does.

    Raises DiscoveryError: not reachable, not the issuer that it says it is, not https (http counts
    on loopback only), or no key that can be used.
    """
    proxied = proxy is not None
    with httpx.Client(
        timeout=_TIMEOUT,
        follow_redirects=False,
        proxy=proxy,
        verify=tls_context(),
    ) as client:
        address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        document = _get(client, address, proxied=proxied)
        if document.get("issuer") != issuer:
            raise DiscoveryError(
                f"{without_secrets(issuer)} says that it is {str(document.get('issuer'))!r}; set the issuer "
                "exactly as it calls itself"
            )
        token = document.get("token_endpoint")
        keys_at = document.get("jwks_uri")
        if not isinstance(token, str) or not isinstance(keys_at, str):
            raise DiscoveryError(
                f"{without_secrets(issuer)} names no token_endpoint or no jwks_uri; is it an OpenID provider?"
            )
        keys = signing_keys(_get(client, keys_at, proxied=proxied), issuer)
    authorization = document.get("authorization_endpoint")
    if not isinstance(authorization, str):
        authorization = ""
    return Published(issuer, token, authorization, keys)


def _get(client: httpx.Client, url: str, *, proxied: bool) -> Fields:
    if not is_confidential(url):
        raise DiscoveryError(
            f"{without_secrets(url)} is not https: whoever is on the way could hand out keys of their own"
        )
    target = url.replace("https://", "http://", 1) if proxied else url
    try:
        answer = send_with_waits(lambda: client.get(target))
        body = answer.json() if answer.status_code == 200 else None
    except httpx.HTTPError as error:
        raise DiscoveryError(
            f"{without_secrets(url)} does not answer ({type(error).__name__}); signing keys cannot be read, "
            "so nothing is changed. Check the issuer and the network, and run it again"
        ) from None
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise DiscoveryError(
            f"{without_secrets(url)} answers {answer.status_code}{rate_limit_note(answer)}, and no JSON object; is "
            "it an OpenID provider?"
        )
    return body


def signing_keys(jwks: Fields, issuer: str) -> tuple[SigningKey, ...]:
    """Read from a JSON Web Key set the keys that may sign tokens, and leaves out any other.

    Kong finds a key by its id, so a key without one is of no use, and two different keys of one id
    are an error, as is a set without any usable key. Raises DiscoveryError.
    """
    items = jwks.get("keys")
    if not isinstance(items, list) or not all(
        isinstance(item, dict) for item in items
    ):
        raise DiscoveryError(
            f"{without_secrets(issuer)}: its key set lists no keys"
        )
    by_id: dict[str, SigningKey] = {}
    ignored = []
    for item in items:
        try:
            key = _signing_key(item)
        except ValueError as why:
            ignored.append(f"key {item.get('kid')!r}: {why}")
            continue
        if by_id.setdefault(key.kid, key) != key:
            raise DiscoveryError(
                f"{without_secrets(issuer)}: two different signing keys have the id {key.kid!r}; one could "
                "pass for both"
            )
    if not by_id:
        reasons = some(ignored, "; ") or "it is empty"
        raise DiscoveryError(
            f"{without_secrets(issuer)}: no key of its set can verify tokens: {reasons}"
        )
    return tuple(by_id.values())


def _signing_key(item: Fields) -> SigningKey:
    """Read one key. Raises ValueError with the reason why it is not for signatures that the
    gateway verifies."""
    if item.get("use", "sig") != "sig" or "verify" not in item.get(
        "key_ops", ["verify"]
    ):
        raise ValueError("not for signatures")
    kid = item.get("kid")
    if not isinstance(kid, str) or not kid:
        raise ValueError("it has no id")
    algorithm, public = _public(item)
    if item.get("alg", algorithm) != algorithm:
        raise ValueError(
            f"algorithm {item.get('alg')!r}; RS256 and ES256 are verified"
        )
    return SigningKey(
        kid,
        algorithm,
        public.public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        ).decode(),
    )


def _public(
    item: Fields,
) -> tuple[str, rsa.RSAPublicKey | ec.EllipticCurvePublicKey]:
    match item.get("kty"), item.get("crv"):
        case "RSA", _:
            n, e = _numbers(item, "n", "e")
            # A shorter modulus can be factored.
            if n.bit_length() < _SMALLEST_RSA:
                raise ValueError(
                    f"an RSA key of {n.bit_length()} bits; at least {_SMALLEST_RSA} are needed"
                )
            return "RS256", rsa.RSAPublicNumbers(e, n).public_key()
        case "EC", "P-256":
            x, y = _numbers(item, "x", "y")
            return "ES256", ec.EllipticCurvePublicNumbers(
                x, y, ec.SECP256R1()
            ).public_key()
        case kind, curve:
            raise ValueError(
                f"kind {kind!r}{f' on curve {curve!r}' if curve else ''}; RSA and EC P-256 are "
                "verified"
            )


def _numbers(item: Fields, *names: str) -> Iterator[int]:
    for name in names:
        text = item.get(name)
        if not isinstance(text, str):
            raise ValueError(f"it has no '{name}'")
        if not _BASE64URL.match(text):
            raise ValueError(f"'{name}' is not base64url")
        yield int.from_bytes(
            base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        )
