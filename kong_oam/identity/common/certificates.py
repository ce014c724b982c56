"""Makes certificates of clients' keys, for a provider that accepts keys only in certificates.

Nobody signs them: a certificate wraps the public key, and the provider trusts it because an
administrator registered it. So it depends on the key alone, byte for byte, and does not expire: a
key ends with its rotation.

Sources: RFC 5280 (X.509), RFC 7515, section 4.1.8 (the thumbprint in a token's header).
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

VALID_FROM = datetime(2020, 1, 1, tzinfo=UTC)
VALID_UNTIL = datetime(2049, 12, 31, tzinfo=UTC)

# Characters of a common name (RFC 5280, appendix A.1).
_LONGEST_NAME = 64


def certificate(private_pem: str, subject: str) -> str:
    """Make the certificate (PEM) of an RSA key, signed by itself. The same key and subject give
    the same bytes.

    Raises TypeError for a key of another kind.
    """
    private = load_pem_private_key(private_pem.encode(), None)
    if not isinstance(private, rsa.RSAPrivateKey):
        raise TypeError("clients' keys must be RSA keys")
    public = private.public_key()
    digest = sha256(
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ).digest()
    name = x509.Name(
        [x509.NameAttribute(x509.NameOID.COMMON_NAME, subject[:_LONGEST_NAME])]
    )
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(int.from_bytes(digest[:16]) | 1)
        .not_valid_before(VALID_FROM)
        .not_valid_after(VALID_UNTIL)
        .sign(private, SHA256())
    )
    return signed.public_bytes(Encoding.PEM).decode()


def thumbprint(pem: str) -> str:
    """Compute the `x5t#S256` of a JWS header: the SHA-256 of the certificate (DER), in
    base64url."""
    digest = x509.load_pem_x509_certificate(pem.encode()).fingerprint(SHA256())
    return urlsafe_b64encode(digest).decode().rstrip("=")
