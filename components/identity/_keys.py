"""Key pairs of clients that prove who they are with a key of their own (`private_key_jwt`).

The public half goes to the provider, the private half into the Secret of the client's workload, and stands in the
state, encrypted. Keys lie in two slots in turn, each of which a resource stands for. A client has one key, and while
two of its generations overlap, two. The generation is the replacement trigger of its slot: a key that
has ended and is there all the same, since a run left it out or died before, is not taken for the next one.

Source: RFC 7517 and 7518, section 6.3 (JSON Web Keys, of RSA), RFC 7638 (their thumbprint, which is the key's id).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pulumi
import pulumi_tls as tls
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from access.rotation import SLOTS, Generation
from components.identity._certificates import certificate, thumbprint

SLOT_NAMES = "ab"
"""How the resources of the two slots end."""

_BITS = 2048
_PRIVATE = ["privateKeyPem", "privateKeyPemPkcs8", "privateKeyOpenssh"]

Jwk = Mapping[str, str]
"""The public half of an RSA key: kty, kid, n, e."""


@dataclass(frozen=True)
class Keys:
    """`counting`: public halves of the keys that the provider is to take, in the order of their slots, at least one.

    `private_key` (PEM, PKCS 8; a Pulumi secret) and `kid` are of the generation that the client has. `certificate`
    (PEM) is its public half, where the provider knows it by one.
    """

    counting: pulumi.Output[list[Jwk]]
    private_key: pulumi.Output[str]
    kid: pulumi.Output[str]
    certificate: pulumi.Output[str] | None = None


def key_pairs(name: str, generation: Generation, parent: pulumi.Resource) -> Keys:
    """The keys of one client that count, as resources named after `name`."""
    slots = {slot: _slot(name, slot, generation.lying_in(slot), parent) for slot in generation.counting}
    return Keys(
        counting=_public(slots.values()),
        private_key=pulumi.Output.secret(slots[generation.slot].private_key_pem_pkcs8),
        kid=slots[generation.slot].public_key_pem.apply(lambda pem: jwk(pem)["kid"]),
    )


def certified_pairs(
    name: str, subject: str, generation: Generation, parent: pulumi.Resource
) -> tuple[Keys, list[pulumi.Output[str]]]:
    """The keys of one client at a provider that knows keys by certificates, and the certificates (PEM) of all slots.

    The provider takes all of these at any time, so no slot keeps a key that has ended (Generation.ready_in).
    """
    slots = [_slot(name, slot, generation.ready_in(slot), parent) for slot in range(SLOTS)]
    private = [slot.private_key_pem_pkcs8 for slot in slots]
    certificates = [pulumi.Output.unsecret(key.apply(lambda pem: certificate(pem, subject))) for key in private]
    current = certificates[generation.slot]
    keys = Keys(
        counting=_public(slots),
        private_key=pulumi.Output.secret(private[generation.slot]),
        kid=current.apply(thumbprint),
        certificate=current,
    )
    return keys, certificates


def _slot(name: str, slot: int, number: int, parent: pulumi.Resource) -> tls.PrivateKey:
    """`number`: of the generation whose key is to be there."""
    return tls.PrivateKey(
        f"{name}-{SLOT_NAMES[slot]}",
        algorithm="RSA",
        rsa_bits=_BITS,
        opts=pulumi.ResourceOptions(
            parent=parent,
            additional_secret_outputs=_PRIVATE,
            replacement_trigger=number,
        ),
    )


def _public(slots: Iterable[tls.PrivateKey]) -> pulumi.Output[list[Jwk]]:
    return pulumi.Output.all(*(slot.public_key_pem.apply(jwk) for slot in slots))


def jwk(pem: str) -> Jwk:
    """The JSON Web Key of a public RSA key in PEM; its id is its thumbprint, so that no two keys share one."""
    key = load_pem_public_key(pem.encode())
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError("the keys of clients are RSA keys")
    numbers = key.public_numbers()
    members = {"e": _number(numbers.e), "kty": "RSA", "n": _number(numbers.n)}
    told = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return {**members, "kid": _encoded(hashlib.sha256(told.encode()).digest())}


def _number(value: int) -> str:
    return _encoded(value.to_bytes((value.bit_length() + 7) // 8))


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")
