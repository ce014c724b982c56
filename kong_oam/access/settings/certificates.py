"""Certificates that a stack's settings name: of whom a provider is to know the key, where it reads no keys elsewhere.

Source: RFC 5280 and 7468 (X.509, and its text form). Nobody vouches for such a certificate: it counts because it is
named, so neither who signed it nor when it ends is looked at here.
"""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_SHORTEST = 2048  # bits of an RSA key, as for those that providers sign with


def problem(pem: str) -> str | None:
    """Why a text is no certificate that can be used; None for one that can. The text itself is not repeated."""
    if "PRIVATE KEY-----" in pem:
        return "has a private key in it, which is nobody's but its owner's; take the certificate alone, and a new key"
    try:
        found = x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        return "is no X.509 certificate in PEM (-----BEGIN CERTIFICATE-----)"
    if len(found) != 1:
        return f"has {len(found)} certificates; write each as an entry of its own, without those who signed it"
    try:
        key = found[0].public_key()
    except ValueError:
        return "has a key that cannot be read"
    if not isinstance(key, rsa.RSAPublicKey):
        return "has a key that is not RSA"
    return f"has an RSA key of {key.key_size} bits; {_SHORTEST} is the least" if key.key_size < _SHORTEST else None


def public_key(pem: str) -> bytes:
    """The key that it is about (DER), by which its owner proves who they are. For one without a `problem`."""
    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def fingerprint(pem: str) -> str:
    """By which a certificate is told from others, however its text is laid out: SHA-256, in hex. For one without a
    `problem`."""
    return x509.load_pem_x509_certificate(pem.encode()).fingerprint(SHA256()).hex()
