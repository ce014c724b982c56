"""The stand-in for the tls plugin: its keys are keys, and its properties those that the installed SDK has."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
    load_ssh_public_key,
)
from pulumi import _types
from pulumi_tls.private_key import PrivateKey as Official
from pulumi_tls.private_key import _PrivateKeyState

from sandbox.plugins import sdk
from sandbox.plugins.tls import PrivateKey, plugin

TOKEN = "tls:index/privateKey:PrivateKey"


def made(**inputs: Any) -> tuple[str, dict[str, Any]]:
    return PrivateKey().create(inputs)


def test_the_state_has_the_properties_that_the_sdk_has() -> None:
    """All of them, and no other; the SDK is generated from the official schema. What the SDK marks is secret, and all
    but the inputs is computed."""
    _, state = made(algorithm="RSA")
    assert set(state) == set(_types.input_type_types(_PrivateKeyState))
    assert PrivateKey.replaces == set(sdk.inputs_of(TOKEN).hints)
    assert Official.pulumi_type == TOKEN == plugin().resource(TOKEN).token
    assert PrivateKey.secrets == {"privateKeyPem", "privateKeyPemPkcs8", "privateKeyOpenssh"}
    assert PrivateKey.computed == set(state) - PrivateKey.replaces


@pytest.mark.parametrize(
    ("inputs", "kind", "size"),
    [
        ({"algorithm": "RSA"}, rsa.RSAPrivateKey, 2048),
        ({"algorithm": "RSA", "rsaBits": 3072}, rsa.RSAPrivateKey, 3072),
        ({"algorithm": "ECDSA", "ecdsaCurve": "P256"}, ec.EllipticCurvePrivateKey, 256),
    ],
)
def test_all_forms_are_of_one_key(inputs: dict[str, Any], kind: type, size: int) -> None:
    """PEM, PKCS 8 and OpenSSH of the private half, PEM and OpenSSH of the public one, whose hash is the id."""
    identifier, state = made(**inputs)
    private: Any = load_pem_private_key(state["privateKeyPemPkcs8"].encode(), None)
    assert isinstance(private, kind) and private.key_size == size
    public = private.public_key()
    assert state["publicKeyPem"] == public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    assert load_ssh_public_key(state["publicKeyOpenssh"].encode()) == public
    assert state["privateKeyPemPkcs8"].startswith("-----BEGIN PRIVATE KEY-----")
    assert state["privateKeyPem"].startswith(
        f"-----BEGIN {'RSA' if kind is rsa.RSAPrivateKey else 'EC'} PRIVATE KEY-----"
    )
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert identifier == hashlib.sha1(der).hexdigest()
    for other in (
        load_pem_private_key(state["privateKeyPem"].encode(), None),
        load_ssh_private_key(state["privateKeyOpenssh"].encode(), None),
    ):
        assert other.private_numbers() == private.private_numbers()  # type: ignore[union-attr]
