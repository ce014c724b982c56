"""Tokens with any header and any payload, signed with one of two keys, and the ring with both keys."""

from __future__ import annotations

import json
from typing import Any

from kong_oam.access.tokens import Key, KeyRing
from tests.support.estates import ISSUER, PROVIDER
from tests.support.gateway_tokens import ec_key, encoded, rsa_key, signature
from tests.support.json_object import JsonObject

NOW = 1_700_000_000.0
RSA, EC = rsa_key(), ec_key()
RING = KeyRing(
    PROVIDER,
    ISSUER,
    {"r": Key("r", RSA.public_key()), "e": Key("e", EC.public_key())},
    clients={"job": "shop/job"},
)
HEADER = {"kid": "r", "alg": "RS256"}


def token(
    header: JsonObject | bytes,
    payload: JsonObject | bytes,
    key: Any = RSA,
) -> str:
    """Return a token of both parts, as values or as raw texts, signed with the key."""
    parts = [
        part if isinstance(part, bytes) else json.dumps(part).encode()
        for part in (header, payload)
    ]
    text = ".".join(map(encoded, parts))
    return f"{text}.{encoded(signature(key, text))}"
