"""Keys of partners: made outside the project, with certificates that their owners signed
themselves."""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def certified(key: Key) -> str:
    """Return a certificate of the key (PEM) with a lifetime of a year."""
    subject = x509.Name(
        [x509.NameAttribute(x509.NameOID.COMMON_NAME, "partner.example.com")]
    )
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=364))
        .sign(key, SHA256())
    )
    return made.public_bytes(Encoding.PEM).decode()


def private_pem(key: Key) -> str:
    return key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    ).decode()
