"""Public halves of clients' keys, as their provider is told them."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from components.identity._keys import jwk

# The example of RFC 7638, section 3.1.
N = (
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhM"
    "stn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5"
    "hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
)
THUMBPRINT = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_the_id_of_a_key_is_its_thumbprint() -> None:
    """As RFC 7638 computes it: whoever knows the key knows its id, and no two keys share one."""
    n = int.from_bytes(base64.urlsafe_b64decode(N + "=="))
    key = rsa.RSAPublicNumbers(65537, n).public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    assert jwk(pem) == {"kty": "RSA", "kid": THUMBPRINT, "n": N, "e": "AQAB"}


def test_a_key_of_another_kind_is_refused() -> None:
    """It would be published without what verifies it."""
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    with pytest.raises(TypeError, match="RSA"):
        jwk(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())
