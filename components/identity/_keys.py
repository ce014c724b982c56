"""Key pairs of clients that prove who they are with a key of their own (`private_key_jwt`).

The public half goes to the provider, the private half into the Secret of the client's workload, and stands in the
state, encrypted. A client has two slots for keys, so that no resource is made inside `apply` and a preview shows which
key is replaced: its generation is the replacement trigger of the slot.

Source: RFC 7517 and 7518, section 6.3 (JSON Web Keys, of RSA), RFC 7638 (their thumbprint, which is the key's id).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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


def key_pairs(name: str, generation: pulumi.Output[Generation], parent: pulumi.Resource) -> Keys:
    """The keys of one client, as resources named after `name`."""
    slots = [_slot(name, index, generation.apply(_lying(index)), parent) for index in range(SLOTS)]
    keys = [slot.public_key_pem.apply(jwk) for slot in slots]
    private = [slot.private_key_pem_pkcs8 for slot in slots]
    return Keys(
        counting=pulumi.Output.all(generation, *keys).apply(lambda known: [known[1 + n] for n in known[0].counting]),
        private_key=in_turn(generation, private),
        kid=pulumi.Output.all(generation, *keys).apply(_current).apply(lambda key: key["kid"]),
    )


def certified_pairs(
    name: str, subject: str, generation: pulumi.Output[Generation], parent: pulumi.Resource
) -> tuple[Keys, list[pulumi.Output[str]]]:
    """The keys of one client at a provider that knows keys by certificates, and the certificates (PEM) of all slots.

    The provider takes all of these at any time, so no slot keeps a key that has ended (Generation.ready_in).
    """
    slots = [_slot(name, index, generation.apply(ready(index)), parent) for index in range(SLOTS)]
    private = [slot.private_key_pem_pkcs8 for slot in slots]
    certificates = [pulumi.Output.unsecret(key.apply(lambda pem: certificate(pem, subject))) for key in private]
    current = pulumi.Output.all(generation, *certificates).apply(_current)
    keys = Keys(
        counting=pulumi.Output.all(*(slot.public_key_pem.apply(jwk) for slot in slots)),
        private_key=in_turn(generation, private),
        kid=current.apply(thumbprint),
        certificate=current,
    )
    return keys, certificates


def _lying(slot: int) -> Callable[[Generation], int]:
    return lambda generation: generation.lying_in(slot)


def ready(slot: int) -> Callable[[Generation], int]:
    """The number of the generation in a slot, at an issuer that takes what is in both at any time."""
    return lambda generation: generation.ready_in(slot)


def _slot(name: str, index: int, number: pulumi.Output[int], parent: pulumi.Resource) -> tls.PrivateKey:
    """`number`: of the generation whose key is to be there."""
    return tls.PrivateKey(
        f"{name}-{SLOT_NAMES[index]}",
        algorithm="RSA",
        rsa_bits=_BITS,
        opts=pulumi.ResourceOptions(
            parent=parent,
            additional_secret_outputs=_PRIVATE,
            replacement_trigger=number,
        ),
    )


def in_turn(generation: pulumi.Output[Generation], slots: Sequence[pulumi.Output[str]]) -> pulumi.Output[str]:
    """Of a secret in each slot that of the generation, which is the client's."""
    chosen: pulumi.Output[str] = pulumi.Output.secret(pulumi.Output.all(generation, *slots).apply(_current))
    return chosen


def _current(known: Sequence[Any]) -> Any:
    """Of a generation and what the slots have, that of the generation's own slot."""
    generation, *slots = known
    return slots[generation.slot]


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
