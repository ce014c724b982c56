"""Certificates and private keys in PEM: what the Admin API checks of them, and a self-signed pair.

Source: recorded answers of a Kong 3.10 (steps patch, snis). OpenSSL's words for what it cannot read are those recorded
for a text that is no PEM at all; for other broken input a real Kong shows others.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
from collections.abc import Mapping
from typing import Any

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

_NO_CERTIFICATE = "x509.new: error:680008E:asn1 encoding routines:asn1_d2i_read_bio:not enough data"
_NO_KEY = "pkey.new:load_key: error:1E08010C:DECODER routines:OSSL_DECODER_from_bio:unsupported"
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm)


def certificate(value: str) -> str | None:
    """The error of a text that is no certificate."""
    try:
        x509.load_pem_x509_certificate(value.encode("utf-8", "surrogateescape"))
    except _UNREADABLE:
        return f"invalid certificate: {_NO_CERTIFICATE}:crypto/asn1/a_d2i_fp.c:283:"
    return None


def private_key(value: str) -> str | None:
    """The error of a text that is no private key, or one with a passphrase."""
    try:
        load_pem_private_key(value.encode("utf-8", "surrogateescape"), password=None)
    except _UNREADABLE:
        return f"invalid key: {_NO_KEY}:crypto/encode_decode/decoder_lib.c:103:"
    return None


def key_fits(entity: Mapping[str, Any]) -> dict[str, Any] | None:
    """A certificate belongs to its key, and an alternative one is for clients that know another kind of key."""
    for suffix in ("", "_alt"):
        shown, key = entity.get(f"cert{suffix}"), entity.get(f"key{suffix}")
        if shown and key and _public_half_of_certificate(shown) != _public_half_of_key(key):
            return {"@entity": ["certificate does not match key"]}
    if entity.get("cert_alt") and _kind(entity["cert"]) is _kind(entity["cert_alt"]):
        why = "certificate and alternative certificate need to have different type (e.g. RSA and ECDSA)"
        return {"@entity": [f"{why}, the provided certificates were both of the same type"]}
    return None


def _kind(text: str) -> type:
    return type(x509.load_pem_x509_certificate(text.encode()).public_key())


def _public_half_of_certificate(text: str) -> bytes:
    public = x509.load_pem_x509_certificate(text.encode()).public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _public_half_of_key(text: str) -> bytes:
    public = load_pem_private_key(text.encode(), password=None).public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def self_signed(name: str, *names: str) -> tuple[str, str]:
    """A certificate for these DNS names (wildcards included) or IP addresses, and its key, both PEM: ECDSA P-256, valid
    for a year."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    moment = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # An hour of grace for clocks that disagree.
        .not_valid_before(moment - datetime.timedelta(hours=1))
        .not_valid_after(moment + datetime.timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName([*map(_alternative, (name, *names))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return made.public_bytes(Encoding.PEM).decode(), private.decode()


def _alternative(name: str) -> x509.GeneralName:
    with contextlib.suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(name))
    return x509.DNSName(name)
