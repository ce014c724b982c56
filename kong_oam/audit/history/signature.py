"""Sign records, and check signatures: a DSSE envelope beside each file (securesystemslib).

The envelope repeats the record as its payload, so that other tools can verify it alone. It has the
name of the record with another ending.
"""

from __future__ import annotations

import json
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
)

from kong_oam.errors import SettingsError

ENDING = ".dsse"
PAYLOAD_TYPE = "application/vnd.kong-oam.run+json"

_INSTALL = (
    "signatures need the package securesystemslib: "
    'install it with `pip install "kong-oam[audit]"`'
)


class SignatureError(SettingsError):
    """A key that cannot be used, or a missing package."""


def envelope_of(record: Path) -> Path:
    """Return the file with the signature of a record."""
    return record.with_suffix(ENDING)


def check_private_key(key: Path) -> None:
    """Check that a private key can sign, before a record is written. Raises SignatureError."""
    _signed(b"", key)


def sign(record: Path, key: Path) -> Path:
    """Sign a record with a private key (PEM, not encrypted). Return the envelope's file. Raises
    SignatureError."""
    file = envelope_of(record)
    file.write_text(_signed(record.read_bytes(), key), "utf-8")
    return file


def _signed(content: bytes, key: Path) -> str:
    try:
        from securesystemslib.dsse import Envelope
        from securesystemslib.signer import CryptoSigner
    except ImportError:
        raise SignatureError(_INSTALL) from None
    try:
        private = load_pem_private_key(key.read_bytes(), None)
        signer = CryptoSigner(private)
    except (OSError, TypeError, UnsupportedAlgorithm, ValueError):
        raise SignatureError(
            f"{key}: not a private key that signs; use an unencrypted PEM file of an Ed25519, "
            "ECDSA or RSA key"
        ) from None
    envelope = Envelope(content, PAYLOAD_TYPE, {})
    envelope.sign(signer)
    return json.dumps(envelope.to_dict(), indent=1) + "\n"


def signature_problem(record: Path, key: Path) -> str:
    """Return the problem of a record's signature by a public key (PEM), or an empty text. Raises
    SignatureError."""
    try:
        from securesystemslib.dsse import Envelope
        from securesystemslib.exceptions import Error
        from securesystemslib.signer import SSlibKey
    except ImportError:
        raise SignatureError(_INSTALL) from None
    try:
        public = SSlibKey.from_crypto(load_pem_public_key(key.read_bytes()))
    except (OSError, TypeError, UnsupportedAlgorithm, ValueError):
        raise SignatureError(
            f"{key}: not a public key; write it with `openssl pkey -in KEY -pubout`"
        ) from None
    file = envelope_of(record)
    if not file.exists():
        return f"no signature: {file.name} is missing"
    try:
        envelope = Envelope.from_dict(json.loads(file.read_bytes()))
        envelope.verify([public], 1)
    except (Error, KeyError, TypeError, ValueError):
        return f"{file.name} has no valid signature by this key"
    if (envelope.payload, envelope.payload_type) != (
        record.read_bytes(),
        PAYLOAD_TYPE,
    ):
        return f"{file.name} signs another content"
    return ""
