# ruff: noqa: ARG002 - the methods of Resource share their signatures
"""The stand-in for the tls plugin: `PrivateKey`, which client credentials need.

Behaves like terraform-provider-tls's `tls_private_key`. The key is made on create and stored only
in the state. Every changed input replaces it. Its id is the SHA-1 of the public half. Not modelled:
ED25519, the curve P224, and the other resources and functions of the plugin.
"""

import base64
import hashlib
from importlib import metadata

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from sandbox.plugins.provider import Found, Plugin, ProviderError, Resource, run
from sandbox.plugins.values import Properties

_CURVES = {
    "P256": ec.SECP256R1(),
    "P384": ec.SECP384R1(),
    "P521": ec.SECP521R1(),
}
_PRIVATE = ("privateKeyPem", "privateKeyPemPkcs8", "privateKeyOpenssh")
_PUBLIC = (
    "publicKeyPem",
    "publicKeyOpenssh",
    "publicKeyFingerprintMd5",
    "publicKeyFingerprintSha256",
)


class PrivateKey(Resource):
    """A key pair."""

    token = "tls:index/privateKey:PrivateKey"
    replaces = frozenset({"algorithm", "ecdsaCurve", "rsaBits"})
    computed = frozenset({*_PRIVATE, *_PUBLIC})
    sticky = frozenset({"ecdsaCurve", "rsaBits"})
    secrets = frozenset(_PRIVATE)

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        private = _generated(inputs)
        public = private.public_key()
        der = public.public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
        openssh = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        blob = base64.b64decode(openssh.split()[1])
        md5 = hashlib.md5(blob, usedforsecurity=False).hexdigest()
        sha256 = (
            base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
        )

        def pem(form: PrivateFormat) -> str:
            return private.private_bytes(
                Encoding.PEM, form, NoEncryption()
            ).decode()

        return hashlib.sha1(der, usedforsecurity=False).hexdigest(), {
            "rsaBits": 2048,
            "ecdsaCurve": "P224",
            **inputs,
            "privateKeyPem": pem(PrivateFormat.TraditionalOpenSSL),
            "privateKeyPemPkcs8": pem(PrivateFormat.PKCS8),
            "privateKeyOpenssh": pem(PrivateFormat.OpenSSH),
            "publicKeyPem": public.public_bytes(
                Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
            ).decode(),
            "publicKeyOpenssh": f"{openssh.decode()}\n",
            "publicKeyFingerprintMd5": ":".join(
                md5[at : at + 2] for at in range(0, len(md5), 2)
            ),
            "publicKeyFingerprintSha256": f"SHA256:{sha256}",
        }

    def read(
        self, identifier: str, inputs: Properties, state: Properties
    ) -> Found | None:
        return Found(inputs, state)

    def update(
        self, identifier: str, state: Properties, news: Properties
    ) -> Properties:
        raise ProviderError("a key pair is never changed, only replaced")

    def delete(self, identifier: str, state: Properties) -> None:
        """Nothing is left of it once the state forgets it."""


def _generated(
    inputs: Properties,
) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    algorithm = inputs["algorithm"]
    curve = inputs.get("ecdsaCurve", "P224")
    if algorithm == "RSA":
        return rsa.generate_private_key(
            public_exponent=65537, key_size=inputs.get("rsaBits", 2048)
        )
    if algorithm == "ECDSA" and curve in _CURVES:
        return ec.generate_private_key(_CURVES[curve])
    raise ProviderError(
        f"the stand-in for tls does not model {algorithm} "
        f"{curve if algorithm == 'ECDSA' else ''}".strip()
    )


def plugin() -> Plugin:
    """Return the plugin; its configuration affects only resources that are not modelled."""
    resources = {PrivateKey.token: PrivateKey()}
    return Plugin(
        "tls",
        metadata.version("pulumi-tls"),
        lambda _: None,
        resources.__getitem__,
    )


def main() -> None:
    """Serve the plugin until the engine ends it."""
    run(plugin())
