"""Reads the published document of an issuer: its endpoints, and the keys that sign its tokens.

Sources: OpenID Connect Discovery 1.0, section 4, which requires the same `issuer` in the document.
RFC 7517 (JSON Web Key sets); RFC 7518 section 6 (RSA and elliptic-curve keys).
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
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
    """An unusable issuer. The message names the problem and the remedy."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A public key that may sign tokens. `algorithm` (RS256 or ES256) follows from the key; `pem`
    is its SPKI."""

    kid: str
    algorithm: str
    pem: str


@dataclass(frozen=True, slots=True)
class Published:
    """The published metadata of an issuer. `keys` are its signing keys, in its own order, at least
    one key."""

    issuer: str
    token_endpoint: str
    authorization_endpoint: str
    keys: tuple[SigningKey, ...]


def discover(issuer: str, proxy: str | None = None) -> Published:
    """Fetch the published document of `issuer`. Through `proxy` (a URL) it is fetched by plain
    http, as Okta's SDK does.

    Raises DiscoveryError if the issuer is unreachable, names another issuer, uses http (except on
    loopback), or has no usable key.
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
                f"{without_secrets(issuer)} publishes the issuer "
                f"{str(document.get('issuer'))!r}; set exactly that issuer"
            )
        token = document.get("token_endpoint")
        keys_at = document.get("jwks_uri")
        if not isinstance(token, str) or not isinstance(keys_at, str):
            raise DiscoveryError(
                f"{without_secrets(issuer)} names no token_endpoint "
                "or no jwks_uri. Check that it is an OpenID provider"
            )
        keys = signing_keys(_get(client, keys_at, proxied=proxied), issuer)
    authorization = document.get("authorization_endpoint")
    if not isinstance(authorization, str):
        authorization = ""
    return Published(issuer, token, authorization, keys)


def _get(client: httpx.Client, url: str, *, proxied: bool) -> Fields:
    if not is_confidential(url):
        raise DiscoveryError(
            f"{without_secrets(url)} is not https, so an attacker "
            "on the network could replace its keys. Use https"
        )
    target = url.replace("https://", "http://", 1) if proxied else url
    try:
        answer = send_with_waits(lambda: client.get(target))
        body = answer.json() if answer.status_code == 200 else None
    except httpx.HTTPError as error:
        raise DiscoveryError(
            f"{without_secrets(url)} does not answer ({type(error).__name__}), so its signing keys "
            "are unknown and nothing is changed. Check the issuer and the network, and run again"
        ) from None
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise DiscoveryError(
            f"{without_secrets(url)} answers {answer.status_code}{rate_limit_note(answer)} "
            "without a JSON object. Check that it is an OpenID provider"
        )
    return body


def signing_keys(jwks: Fields, issuer: str) -> tuple[SigningKey, ...]:
    """Read the usable signing keys from a JSON Web Key set; skip all others.

    Kong finds a key by its id, so a key without an id is unusable. Raises DiscoveryError if two
    different keys share an id, or if no key is usable.
    """
    items = jwks.get("keys")
    if not isinstance(items, list) or not all(
        isinstance(item, dict) for item in items
    ):
        raise DiscoveryError(
            f"{without_secrets(issuer)}: its key set has no keys"
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
                f"{without_secrets(issuer)}: two different signing keys share "
                f"the id {key.kid!r}, so Kong could not distinguish them"
            )
    if not by_id:
        reasons = some(ignored, "; ") or "it is empty"
        raise DiscoveryError(
            f"{without_secrets(issuer)}: no key in its key set can verify tokens: {reasons}"
        )
    return tuple(by_id.values())


def _signing_key(item: Fields) -> SigningKey:
    """Read one key. Raises ValueError with the reason why the gateway cannot verify with it."""
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
            f"algorithm {item.get('alg')!r} is unsupported; use RS256 or ES256"
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
                    f"an RSA key of {n.bit_length()} bits is too short; use at least "
                    f"{_SMALLEST_RSA}"
                )
            return "RS256", rsa.RSAPublicNumbers(e, n).public_key()
        case "EC", "P-256":
            x, y = _numbers(item, "x", "y")
            return "ES256", ec.EllipticCurvePublicNumbers(
                x, y, ec.SECP256R1()
            ).public_key()
        case kind, curve:
            raise ValueError(
                f"kind {kind!r}{f' on curve {curve!r}' if curve else ''} is unsupported; use RSA "
                "or EC P-256"
            )


def _numbers(item: Fields, *names: str) -> Iterator[int]:
    for name in names:
        text = item.get(name)
        if not isinstance(text, str):
            raise ValueError(f"it has no '{name}'")
        if not _BASE64URL.match(text):
            raise ValueError(f"'{name}' is not base64url")
        yield int.from_bytes(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
