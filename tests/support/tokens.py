"""Tokens of any header and any payload, signed with one of two keys, and the ring that has both."""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from kong_oam.access.tokens import Key, KeyRing
from tests.support.estates import ISSUER, PROVIDER

NOW = 1_700_000_000.0
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
RING = KeyRing(
    PROVIDER, ISSUER, {"r": Key("r", RSA.public_key()), "e": Key("e", EC.public_key())}, clients={"job": "shop/job"}
)
HEADER = {"kid": "r", "alg": "RS256"}


def encoded(part: bytes) -> str:
    """A part of a token, as it stands there."""
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def token(header: dict[str, Any] | bytes, payload: dict[str, Any] | bytes, key: Any = RSA) -> str:
    """A token of both parts, as values or as they are, signed with the key."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)]
    text = ".".join(map(encoded, parts))
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(text.encode(), padding.PKCS1v15(), SHA256())
    else:
        r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(SHA256())))
        signature = r.to_bytes(32) + s.to_bytes(32)
    return f"{text}.{encoded(signature)}"
