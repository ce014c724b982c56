"""JSON Web Tokens and keys of the stand-ins: writes and signs them, reads and verifies them (RFC
7515, 7517, 7518)."""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256

JoseObject = dict[str, Any]
"""A header, the claims of a token, or a JSON Web Key.

It is untyped JSON: the signer decides the keys.
"""


def base64url(data: bytes) -> str:
    """base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decoded(part: str) -> bytes:
    """Decode base64url. Raises ValueError."""
    return base64.b64decode(
        part + "=" * (-len(part) % 4), altchars=b"-_", validate=True
    )


def read(token: str) -> tuple[JoseObject, JoseObject]:
    """Header and claims of a token, unverified. Raises ValueError."""
    header, claims, _ = token.split(".")
    objects = json.loads(decoded(header)), json.loads(decoded(claims))
    if not all(isinstance(part, dict) for part in objects):
        raise ValueError("no object")
    return objects


def signed(key: Any, header: JoseObject, claims: JoseObject) -> str:
    """Return a compact token, signed with a private key: of RSA (RS256), or on P-256 (ES256)."""
    text = ".".join(
        base64url(json.dumps(part, separators=(",", ":")).encode())
        for part in (header, claims)
    )
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(text.encode(), padding.PKCS1v15(), SHA256())
    else:
        numbers = decode_dss_signature(
            key.sign(text.encode(), ec.ECDSA(SHA256()))
        )
        signature = b"".join(number.to_bytes(32) for number in numbers)
    return f"{text}.{base64url(signature)}"


def verifies(public: Any, algorithm: object, token: str) -> bool:
    """Return whether a token is signed with the private half of a key, by an algorithm that is the
    key's own."""
    text, _, last = token.rpartition(".")
    try:
        signature = decoded(last)
        if isinstance(public, rsa.RSAPublicKey) and algorithm in (
            "RS256",
            "PS256",
        ):
            pss = padding.PSS(padding.MGF1(SHA256()), 32)
            public.verify(
                signature,
                text.encode(),
                pss if algorithm == "PS256" else padding.PKCS1v15(),
                SHA256(),
            )
        elif isinstance(public, ec.EllipticCurvePublicKey) and (
            algorithm,
            len(signature),
        ) == ("ES256", 64):
            numbers = (
                int.from_bytes(signature[:32]),
                int.from_bytes(signature[32:]),
            )
            public.verify(
                encode_dss_signature(*numbers),
                text.encode(),
                ec.ECDSA(SHA256()),
            )
        else:
            return False
    except (InvalidSignature, ValueError):
        return False
    return True


def members(public: Any) -> JoseObject:
    """Return the members of a JSON Web Key for a public key."""
    numbers = public.public_numbers()
    if isinstance(public, rsa.RSAPublicKey):
        values = {"e": numbers.e, "n": numbers.n}
        texts = {
            name: base64url(member.to_bytes((member.bit_length() + 7) // 8))
            for name, member in values.items()
        }
        return {"kty": "RSA", **texts}
    return {
        "kty": "EC",
        "crv": "P-256",
        "x": base64url(numbers.x.to_bytes(32)),
        "y": base64url(numbers.y.to_bytes(32)),
    }


def public_key(key: JoseObject) -> Any:
    """Return the public key that a JSON Web Key describes. Raises KeyError and ValueError."""
    names = ("e", "n") if key["kty"] == "RSA" else ("x", "y")
    first, other = (int.from_bytes(decoded(key[name])) for name in names)
    if key["kty"] == "RSA":
        return rsa.RSAPublicNumbers(first, other).public_key()
    return ec.EllipticCurvePublicNumbers(
        first, other, ec.SECP256R1()
    ).public_key()
