"""Read the certificates in a stack's settings, for providers that cannot read keys elsewhere.

Source: RFC 5280 and 7468 (X.509, and its text form). The settings are what makes a certificate
trusted. So its signer and its end date are not checked here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kong_oam.access.data import NameLists
from kong_oam.errors import SettingsError

_SHORTEST = 2048  # bits of an RSA key, as for the keys that providers sign with


def certificates_in(pem: str) -> list[x509.Certificate]:
    """Return the certificates of a text. Raises SettingsError, which does not repeat the text."""
    if "PRIVATE KEY-----" in pem:
        raise SettingsError(
            "has a private key in it; write only the certificate, and replace the key"
        )
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        message = (
            "has no X.509 certificate in PEM (-----BEGIN CERTIFICATE-----)"
        )
        raise SettingsError(message) from None


def problem(pem: str) -> str | None:
    """Return why a certificate cannot be used, without its text; None if it can."""
    try:
        certificates = certificates_in(pem)
        key = certificates[0].public_key()
    except SettingsError as error:
        return str(error)
    except ValueError:
        return "has a key that cannot be read; use another certificate"
    if len(certificates) != 1:
        todo = "write each as a separate entry, without its CAs"
        return f"has {len(certificates)} certificates; {todo}"
    if not isinstance(key, rsa.RSAPublicKey):
        return "has a key that is not RSA; use an RSA key"
    if key.key_size < _SHORTEST:
        return (
            f"has an RSA key of {key.key_size} bits; use at least {_SHORTEST}"
        )
    return None


def certificate_problems(
    providers: Iterable[NameLists],
) -> Iterator[str]:
    """Find certificates that cannot be used, and keys that two components share.

    `providers` has the setting `certificates` of each provider.
    """
    for number, certificates in enumerate(providers):
        owners: dict[bytes, str] = {}
        for key, pems in certificates.items():
            where = f"identityProviders.{number}.certificates.{key}"
            prints = set()
            for index, pem in enumerate(pems):
                if why := problem(pem):
                    yield f"{where}.{index}: {why}"
                elif fingerprint(pem) in prints:
                    yield f"{where}: has a certificate twice; remove one entry"
                elif (owner := owners.setdefault(_public_key(pem), key)) != key:
                    todo = "use one key per component"
                    yield f"{where}: has the key of {owner}, too; {todo}"
                else:
                    prints.add(fingerprint(pem))


def _public_key(pem: str) -> bytes:
    """Return the public key (DER) of a certificate without a `problem`. Its owner signs with this
    key."""
    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def fingerprint(pem: str) -> str:
    """Return the SHA-256 fingerprint, in hex, of a certificate without a `problem`.

    Line breaks in the text do not change the fingerprint.
    """
    return (
        x509.load_pem_x509_certificate(pem.encode()).fingerprint(SHA256()).hex()
    )
