"""The `jwt` plugin: it lets a request pass, or denies it with Kong's message.

Source: Kong's documentation of the plugin, kong/plugins/jwt, and 103 recorded exchanges of a Kong
3.10 (step jwt). Errors that the plugin does not catch end in Kong's error handler with 500; here
that is `InternalServerError`.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, TypedDict

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import (
    ec,
    ed25519,
    padding,
    rsa,
    utils,
)
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
)

from kong_rules.entities import Entity, Snapshot
from sandbox.kong.callers import identify, read_header
from sandbox.kong.exchange import Exchange
from sandbox.kong.http import Header
from sandbox.kong.wire import wire

ALGORITHMS = frozenset(
    [
        "HS256",
        "HS384",
        "HS512",
        "RS256",
        "RS384",
        "RS512",
        "ES256",
        "ES384",
        "ES512",
        "PS256",
        "PS384",
        "PS512",
        "EdDSA",
    ]
)
_BEARER = re.compile(r"\s*[Bb]earer\s+(.+)", re.ASCII)
_HASHES: Mapping[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}

_PLACES: Final[
    tuple[Literal["uri_param_names", "cookie_names", "header_names"], ...]
] = ("uri_param_names", "cookie_names", "header_names")
"""The settings that name the places where a token may stand."""


class JwtConfig(TypedDict):
    """The configuration of the plugin."""

    uri_param_names: list[str] | None
    cookie_names: list[str] | None
    header_names: list[str] | None
    key_claim_name: str | None
    secret_is_base64: bool
    claims_to_verify: list[str] | None
    anonymous: str | None
    run_on_preflight: bool
    maximum_expiration: float | None
    realm: str | None


class InternalServerError(Exception):
    """Kong's error handler answers: 500."""


@dataclass(frozen=True, slots=True)
class Denied:
    """An answer in place of the upstream's."""

    status: int
    body: Mapping[str, str]
    headers: tuple[Header, ...]


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    header: Any
    claims: Any
    signed: bytes
    signature: bytes


class _CredentialError(Exception):
    def __init__(
        self, body: Mapping[str, str] | str, *, presented: bool = True
    ) -> None:
        super().__init__(body)
        self.body = {"message": body} if isinstance(body, str) else body
        self.presented = presented


def access(
    exchange: Exchange, config: JwtConfig, credentials: Snapshot
) -> Denied | None:
    """Run the plugin. Return None to let the request continue, with its consumer (or the anonymous
    consumer) set.

    Raises InternalServerError.
    """
    if not config["run_on_preflight"] and exchange.method == "OPTIONS":
        return None
    anonymous = config["anonymous"]
    if anonymous is not None and exchange.credential is not None:
        return None
    try:
        token = _decoded(_presented(exchange, config))
        credential = _credential(token, config, credentials)
        _check_claims(token, config, int(exchange.now))
    except _CredentialError as denial:
        if anonymous is None:
            return Denied(
                401,
                denial.body,
                (_challenge(config["realm"], denial.presented),),
            )
        consumer = credentials.find("consumers", anonymous)
        if consumer is None:
            raise InternalServerError(
                f"anonymous consumer {anonymous} not found"
            ) from None
        identify(exchange, consumer)
        return None
    consumer = credentials.tables["consumers"].get(credential["consumer"]["id"])
    if consumer is None:
        raise InternalServerError("the credential's consumer is gone")
    identify(exchange, consumer, credential, credential["key"])
    exchange.token = token.text
    return None


def _challenge(realm: str | None, presented: bool) -> Header:
    parts = [f'realm="{wire(realm)}"'] if realm else []
    parts += ['error="invalid_token"'] if presented else []
    return "WWW-Authenticate", ("Bearer " + ", ".join(parts)).strip()


def _presented(exchange: Exchange, config: JwtConfig) -> str:
    """Return the token of a request, which may have it in several places.

    Raises _CredentialError if there is no token, or if the places have different tokens.
    """
    for names in _PLACES:
        if config[names] is None:
            raise InternalServerError(f"{names} is null")
    tokens = {*_tokens(exchange, config)}
    if not tokens:
        raise _CredentialError("Unauthorized", presented=False)
    if len(tokens) > 1:
        raise _CredentialError("Multiple tokens provided")
    token = tokens.pop()
    if token is None:
        raise _CredentialError(
            "Unrecognizable token"
        )  # an argument without a value
    return token


def _tokens(exchange: Exchange, config: JwtConfig) -> Iterator[str | None]:
    parameters = [wire(name) for name in config["uri_param_names"] or ()]
    for name, value in exchange.arguments():
        if name in parameters and value != "":
            yield value
    for name in config["cookie_names"] or ():
        cookie = exchange.cookie(wire(name))
        if cookie:
            yield cookie
    for name in config["header_names"] or ():
        values = read_header(exchange, name)
        match = _BEARER.search(values[0]) if values else None
        if match:
            yield match[1]


def lenient_base64(text: str) -> bytes | None:
    """Decode as nginx does: both base64 alphabets, up to the first `=`; None for other input."""
    text = text.partition("=")[0]
    if len(text) % 4 == 1 or re.search(r"[^A-Za-z0-9+/_-]", text):
        return None
    return base64.urlsafe_b64decode(
        text.replace("+", "-").replace("/", "_") + "=" * (-len(text) % 4)
    )


def _json(text: str | None) -> Any:
    raw = None if text is None else lenient_base64(text)
    if raw is None:
        raise _CredentialError("Bad token; invalid JSON")
    try:
        return json.JSONDecoder(strict=False).decode(
            raw.decode("utf-8", "surrogateescape")
        )
    except (ValueError, RecursionError):
        raise _CredentialError("Bad token; invalid JSON") from None


def _decoded(token: str) -> _Token:
    head, _, parts = token.partition(".")
    body, dot, tail = parts.partition(".")
    header = _json(head)
    claims = _json(body)
    if not dot:
        raise _CredentialError("Bad token; invalid JSON")
    if not isinstance(header, dict | list | str):
        raise InternalServerError("the header is no object")
    algorithm = header.get("alg") if isinstance(header, dict) else None
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise _CredentialError("Bad token; invalid alg")
    if claims is False:
        raise _CredentialError("Bad token; invalid claims")
    signature = lenient_base64(tail)
    if signature is None:
        raise _CredentialError("Bad token; invalid signature")
    if not isinstance(claims, dict | list | str):
        raise InternalServerError("the payload is no object")
    return _Token(
        token,
        header,
        claims if isinstance(claims, dict) else {},
        f"{head}.{body}".encode("latin-1"),
        signature,
    )


def _credential(
    token: _Token, config: JwtConfig, credentials: Snapshot
) -> Entity:
    """Return the credential that the token names, after verifying the signature with it."""
    name = config["key_claim_name"]
    if name is None:
        raise InternalServerError("key_claim_name is null")
    key = token.claims.get(name, False)
    if key is False:
        key = token.header.get(name, False)
    if key is False:
        raise _CredentialError(f"No mandatory '{name}' in claims")
    if key == "":
        raise _CredentialError(f"Invalid '{name}' in claims")
    if not isinstance(key, str):
        raise InternalServerError("a key that is no text cannot be looked up")
    secrets = credentials.tables["jwt_secrets"].values()
    credential = next((other for other in secrets if other["key"] == key), None)
    if credential is None:
        raise _CredentialError(f"No credentials found for given '{name}'")
    algorithm = credential["algorithm"] or "HS256"
    if token.header["alg"] != algorithm:
        raise _CredentialError("Invalid algorithm")
    value = _verifying_key(credential, algorithm, config["secret_is_base64"])
    if value is None:
        raise _CredentialError("Invalid key/secret")
    if not _verified(algorithm, value, token.signed, token.signature):
        raise _CredentialError("Invalid signature")
    return credential


def _verifying_key(
    credential: Entity, algorithm: str, encoded: bool
) -> bytes | None:
    shared = algorithm.startswith("HS")
    key = credential["secret"] if shared else credential["rsa_public_key"]
    if key is None:
        return None
    value: bytes = key.encode("utf-8", "surrogateescape")
    return lenient_base64(value.decode("latin-1")) if encoded else value


@lru_cache(maxsize=256)
def _public_key(pem: bytes) -> Any:
    try:
        text = pem.strip()
        return (
            load_pem_private_key(text, None).public_key()
            if b"PRIVATE KEY" in text
            else load_pem_public_key(text)
        )
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InternalServerError(
            "the consumer's public key is invalid"
        ) from error


@lru_cache(maxsize=4096)
def _verified(
    algorithm: str, key: bytes, signed: bytes, signature: bytes
) -> bool:
    """Return whether the signature is valid. A pure function, so it can be cached."""
    if algorithm.startswith("HS"):
        mac = hmac.HMAC(key, _HASHES[algorithm[2:]])
        mac.update(signed)
        return mac.finalize() == signature
    public = _public_key(key)
    try:
        if isinstance(
            public, ec.EllipticCurvePublicKey
        ) and algorithm.startswith("ES"):
            size = {"256": 32, "384": 48, "512": 66}[algorithm[2:]]
            if len(signature) != 2 * size:
                raise InternalServerError(
                    "an elliptic signature has a fixed length"
                )
            numbers = (
                int.from_bytes(signature[:size]),
                int.from_bytes(signature[size:]),
            )
            public.verify(
                utils.encode_dss_signature(*numbers),
                signed,
                ec.ECDSA(_HASHES[algorithm[2:]]),
            )
        elif isinstance(public, rsa.RSAPublicKey) and algorithm[:2] in (
            "RS",
            "PS",
        ):
            digest = _HASHES[algorithm[2:]]
            pss = padding.PSS(padding.MGF1(digest), padding.PSS.AUTO)
            public.verify(
                signature,
                signed,
                pss if algorithm.startswith("PS") else padding.PKCS1v15(),
                digest,
            )
        elif (
            isinstance(public, ed25519.Ed25519PublicKey)
            and algorithm == "EdDSA"
        ):
            public.verify(signature, signed)
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_claims(token: _Token, config: JwtConfig, now: int) -> None:
    errors: dict[str, str] = {}
    # Kong walks a table: nbf is reported before exp.
    for name in sorted(config["claims_to_verify"] or (), reverse=True):
        value = token.claims.get(name)
        if not _is_number(value):
            errors[name] = "must be a number"
        elif name == "exp" and value <= now:
            errors[name] = "token expired"
        elif name == "nbf" and value > now:
            errors[name] = "token not valid yet"
    if errors:
        raise _CredentialError(errors)
    longest = config["maximum_expiration"]
    if longest:
        expires = token.claims.get("exp")
        if expires is not None and not _is_number(expires):
            raise InternalServerError("exp is no number")
        if expires is None or expires - now > longest:
            raise _CredentialError(
                {"exp": "exceeds maximum allowed expiration"}
            )
