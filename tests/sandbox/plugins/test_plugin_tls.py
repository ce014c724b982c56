"""The stand-in for the tls plugin: its properties are the installed SDK's."""

from __future__ import annotations

from pulumi import _types
from pulumi_tls.private_key import PrivateKey as Official
from pulumi_tls.private_key import _PrivateKeyState

from sandbox.plugins import sdk
from sandbox.plugins.tls import PrivateKey, plugin

TOKEN = "tls:index/privateKey:PrivateKey"


def test_the_state_has_the_properties_that_the_sdk_has() -> None:
    """All of them, and no other; the SDK is generated from the official schema. Inputs that the SDK
    marks are secret, and all other properties are computed."""
    _, state = PrivateKey().create({"algorithm": "RSA"})
    assert set(state) == set(_types.input_type_types(_PrivateKeyState))
    assert PrivateKey.replaces == set(sdk.inputs_of(TOKEN).hints)
    assert Official.pulumi_type == TOKEN == plugin().resource(TOKEN).token
    assert PrivateKey.secrets == {
        "privateKeyPem",
        "privateKeyPemPkcs8",
        "privateKeyOpenssh",
    }
    assert PrivateKey.computed == set(state) - PrivateKey.replaces
