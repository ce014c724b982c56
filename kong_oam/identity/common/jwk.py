"""Writes public keys of clients as JSON Web Keys.

Sources: RFC 7517 and 7518, section 6 (JSON Web Keys), RFC 7638 (thumbprint, used as the key's id).
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

# Kinds of key pairs, as the tls plugin calls them: of 2048 bits, and on the curve P-256.
RSA = "RSA"
ECDSA = "ECDSA"

# The algorithm by which the keys of each kind sign (RFC 7518).
SIGNS = {RSA: "RS256", ECDSA: "ES256"}

# The public half of a key: kty and kid; n and e (RSA); crv, x and y (P-256).
Jwk = Mapping[str, str]


def jwk(pem: str) -> Jwk:
    """Write a public key (PEM; RSA or P-256) as a JSON Web Key. Its id is its thumbprint, which is
    unique.

    Raises TypeError for a key of another kind.
    """
    key = load_pem_public_key(pem.encode())
    if isinstance(key, rsa.RSAPublicKey):
        modulus = key.public_numbers()
        members = {
            "e": _number(modulus.e),
            "kty": "RSA",
            "n": _number(modulus.n),
        }
    elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(
        key.curve, ec.SECP256R1
    ):
        point = key.public_numbers()
        members = {
            "crv": "P-256",
            "kty": "EC",
            "x": _coordinate(point.x),
            "y": _coordinate(point.y),
        }
    else:
        raise TypeError("clients' keys must be RSA or P-256 keys")
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return {
        **members,
        "kid": _encoded(sha256(canonical.encode()).digest()),
    }


def _number(value: int) -> str:
    return _encoded(value.to_bytes((value.bit_length() + 7) // 8))


def _coordinate(value: int) -> str:
    """Encode it in full length, with leading zeros (RFC 7518, section 6.2.1.2)."""
    return _encoded(value.to_bytes(32))


def _encoded(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode("ascii")
