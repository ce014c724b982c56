"""Certificates and private keys in PEM: the Admin API's checks, and a self-signed pair.

Source: recorded answers of a Kong 3.10 (steps patch, snis). OpenSSL's error texts were recorded for
a text without any PEM; for other broken input a real Kong shows other texts.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import ssl
from tempfile import NamedTemporaryFile

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from kong_rules.entities import Entity, Errors

_NO_CERTIFICATE = "x509.new: error:680008E:asn1 encoding routines:asn1_d2i_read_bio:not enough data"
_NO_KEY = "pkey.new:load_key: error:1E08010C:DECODER routines:OSSL_DECODER_from_bio:unsupported"
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm)


def certificate(value: str) -> str | None:
    """Return the error of a text that is no certificate."""
    try:
        x509.load_pem_x509_certificate(value.encode("utf-8", "surrogateescape"))
    except _UNREADABLE:
        return f"invalid certificate: {_NO_CERTIFICATE}:crypto/asn1/a_d2i_fp.c:283:"
    return None


def is_an_authority(entity: Entity) -> Errors | None:
    """Kong's error for a certificate that is no CA's: recorded from a Kong 3.10."""
    certificates = x509.load_pem_x509_certificates(str(entity["cert"]).encode())
    if len(certificates) > 1:
        return {"@entity": ["please submit only one certificate at a time"]}
    if certificates[0].not_valid_after_utc < datetime.datetime.now(
        datetime.UTC
    ):
        return {
            "@entity": ['certificate expired, "Not After" time is in the past']
        }
    try:
        is_ca = (
            certificates[0]
            .extensions.get_extension_for_class(x509.BasicConstraints)
            .value.ca
        )
    except x509.ExtensionNotFound:
        is_ca = False
    why = 'certificate does not appear to be a CA because it is missing the "CA" basic constraint'
    return None if is_ca else {"@entity": [why]}


def digest(value: object) -> str | None:
    """Return the SHA-256 fingerprint of a certificate, in hex; None if it is no certificate."""
    try:
        return (
            x509.load_pem_x509_certificate(str(value).encode())
            .fingerprint(hashes.SHA256())
            .hex()
        )
    except _UNREADABLE:
        return None


def private_key(value: str) -> str | None:
    """Return the error of a text that is no private key, or that needs a passphrase."""
    try:
        load_pem_private_key(
            value.encode("utf-8", "surrogateescape"), password=None
        )
    except _UNREADABLE:
        return f"invalid key: {_NO_KEY}:crypto/encode_decode/decoder_lib.c:103:"
    return None


def key_fits(entity: Entity) -> Errors | None:
    """Check that a certificate belongs to its key, and that an alternative certificate has another
    kind of key."""
    for suffix in ("", "_alt"):
        shown = entity.get(f"cert{suffix}")
        key = entity.get(f"key{suffix}")
        if (
            shown
            and key
            and _public_half_of_certificate(shown) != _public_half_of_key(key)
        ):
            return {"@entity": ["certificate does not match key"]}
    if entity.get("cert_alt") and _kind(entity["cert"]) is _kind(
        entity["cert_alt"]
    ):
        why = (
            "certificate and alternative certificate need to have different type (e.g. RSA and "
            "ECDSA)"
        )
        return {
            "@entity": [
                f"{why}, the provided certificates were both of the same type"
            ]
        }
    return None


def _kind(text: str) -> type:
    return type(x509.load_pem_x509_certificate(text.encode()).public_key())


def _public_half_of_certificate(text: str) -> bytes:
    public = x509.load_pem_x509_certificate(text.encode()).public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _public_half_of_key(text: str) -> bytes:
    public = load_pem_private_key(text.encode(), password=None).public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def load_pair(context: ssl.SSLContext, shown: str, key: str) -> None:
    """Load a certificate into a context. The ssl module reads only files: this file belongs to its
    owner alone, and is deleted at once."""
    with NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(f"{shown}\n{key}\n")
        file.flush()
        context.load_cert_chain(file.name)


class Authority:
    """A new CA with a new key. `certificate` is in PEM."""

    def __init__(self, name: str) -> None:
        self._name = _named(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        is_ca = x509.BasicConstraints(ca=True, path_length=None)
        made = _certificate(
            self._name, self._name, self._key.public_key(), is_ca
        ).sign(self._key, hashes.SHA256())
        self.certificate = made.public_bytes(Encoding.PEM).decode()

    def signed(self, *names: str) -> tuple[str, str]:
        """A certificate for these DNS names, and its key, both PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = x509.SubjectAlternativeName([*map(_alternative, names)])
        made = _certificate(
            _named(names[0]), self._name, key.public_key(), alternatives
        )
        return _pems(made.sign(self._key, hashes.SHA256()), key)


def self_signed(name: str, *names: str) -> tuple[str, str]:
    """A certificate for these DNS names (wildcards included) or IP addresses, and its key, both
    PEM: ECDSA P-256, valid for a year."""
    key = ec.generate_private_key(ec.SECP256R1())
    alternatives = x509.SubjectAlternativeName(
        [*map(_alternative, (name, *names))]
    )
    made = _certificate(
        _named(name), _named(name), key.public_key(), alternatives
    )
    return _pems(made.sign(key, hashes.SHA256()), key)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    extension: x509.ExtensionType,
) -> x509.CertificateBuilder:
    moment = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        # An hour of grace for clocks that disagree.
        .not_valid_before(moment - datetime.timedelta(hours=1))
        .not_valid_after(moment + datetime.timedelta(days=365))
        .add_extension(extension, critical=False)
    )


def _pems(
    made: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> tuple[str, str]:
    private = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    return made.public_bytes(Encoding.PEM).decode(), private.decode()


def _alternative(name: str) -> x509.GeneralName:
    with contextlib.suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(name))
    return x509.DNSName(name)
