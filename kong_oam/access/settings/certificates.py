"""Reads the certificates in a stack's settings: whose keys a provider has to know where it reads no
keys elsewhere.

Source: RFC 5280 and 7468 (X.509, and its text form). Nobody vouches for such a certificate: it
counts because it is named, so neither who signed it nor when it ends is looked at here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kong_oam.access.data import YamlObject
from kong_oam.errors import SettingsError

_SHORTEST = 2048  # bits of an RSA key, as for those that providers sign with


def certificates_in(pem: str) -> list[x509.Certificate]:
    """The certificates of a text. Raises SettingsError, which does not repeat the text."""
    if "PRIVATE KEY-----" in pem:
        raise SettingsError(
            "has a private key in it; take the certificate alone, and a new key"
        )
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        message = (
            "has no X.509 certificate in PEM (-----BEGIN CERTIFICATE-----)"
        )
        raise SettingsError(message) from None


def problem(pem: str) -> str | None:
    """Why a text is no usable certificate, without the text itself; None for a usable one."""
    try:
        certificates = certificates_in(pem)
        key = certificates[0].public_key()
    except SettingsError as error:
        return str(error)
    except ValueError:
        return "has a key that cannot be read"
    if len(certificates) != 1:
        alone = "write each as an entry of its own, without those who signed it"
        return f"has {len(certificates)} certificates; {alone}"
    if not isinstance(key, rsa.RSAPublicKey):
        return "has a key that is not RSA"
    if key.key_size < _SHORTEST:
        return (
            f"has an RSA key of {key.key_size} bits; {_SHORTEST} is the least"
        )
    return None


def certificate_problems(
    providers: Sequence[YamlObject],
) -> Iterator[str]:
    """Find certificates that are not usable, and keys that two components share."""
    for number, provider in enumerate(providers):
        owners: dict[bytes, str] = {}
        for key, pems in provider.get("certificates", {}).items():
            where = f"identityProviders.{number}.certificates.{key}"
            prints = set()
            for index, pem in enumerate(pems):
                if why := problem(pem):
                    yield f"{where}.{index}: {why}"
                elif fingerprint(pem) in prints:
                    yield f"{where}: one certificate stands twice"
                elif (owner := owners.setdefault(_public_key(pem), key)) != key:
                    both = "whoever has it would call as either"
                    yield f"{where}: has the key of {owner}, too: {both}"
                else:
                    prints.add(fingerprint(pem))


def _public_key(pem: str) -> bytes:
    """The public key of a certificate (DER), by which its owner proves who they are. For one
    without a `problem`."""
    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def fingerprint(pem: str) -> str:
    """The SHA-256 fingerprint of a certificate in hex, however its text is laid out. For one
    without a `problem`."""
    return (
        x509.load_pem_x509_certificate(pem.encode()).fingerprint(SHA256()).hex()
    )
