"""Provisions key pairs of clients that authenticate with a key of their own (`private_key_jwt`).

The public half goes to the provider. The private half goes into the Secret of the client's
workload, and is encrypted in the state. Keys use two slots in turn, a resource for each. A client
has one key, or two while two generations overlap. The generation is the slot's replacement trigger:
an ended key that an interrupted run left behind is never used as the next key.

Sources: RFC 7517 and 7518, section 6 (JSON Web Keys), RFC 7638 (thumbprint, used as the key's id).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pulumi import Input, Output, Resource, ResourceOptions, runtime
from pulumi_tls import PrivateKey

from kong_oam.access.rotation import SLOTS, Generation
from kong_oam.identity.common.certificates import certificate, thumbprint
from kong_oam.identity.common.jwk import ECDSA, RSA, SIGNS, Jwk, jwk

# The suffixes of the resources of the two slots.
SLOT_NAMES = "ab"

_PRIVATE = ["privateKeyPem", "privateKeyPemPkcs8", "privateKeyOpenssh"]


@dataclass(frozen=True)
class Keys:
    """The keys of one client.

    `active`: public halves of the keys for the provider, in the order of their slots, at least one
    key.

    `private_key` (PEM, PKCS 8; a Pulumi secret), `kid` and `algorithm` (RS256 or ES256) are of the
    client's current key. `certificate` (PEM) is its public half, for providers that use
    certificates.

    `watched` is for Turn.record: logical name and public half (PEM) of the key of the client's
    generation.
    """

    active: Output[list[Jwk]]
    private_key: Output[str]
    kid: Output[str]
    algorithm: Input[str]
    watched: tuple[str, Output[str]]
    certificate: Output[str] | None = None


def key_pairs(
    name: str, generation: Generation, kind: str, parent: Resource
) -> Keys:
    """Provision the valid keys of one client, as resources of this `kind` with names after `name`.

    If a run leaves out (`--exclude`) the next key, the client keeps the key before, alone.
    """
    slots = {}
    for slot in generation.active:
        number = generation.generation_in(slot)
        slots[slot] = _slot(name, slot, kind, number, parent)
    now = slots[generation.slot]
    current: Output[int] = Output.from_input(_current_slot(slots, generation))

    def active(slot: int) -> Output[list[Jwk]]:
        # The other slot has the key before, which then is alone.
        is_next = slot == generation.slot
        return _public(slots.values() if is_next else [slots[slot]])

    public: Output[str] = current.apply(lambda slot: slots[slot].public_key_pem)
    private: Output[str] = current.apply(
        lambda slot: slots[slot].private_key_pem_pkcs8
    )
    return Keys(
        active=current.apply(active),
        private_key=Output.secret(private),
        kid=public.apply(lambda pem: jwk(pem)["kid"]),
        algorithm=SIGNS[kind],
        watched=(_logical(name, generation.slot), now.public_key_pem),
    )


def certified_pairs(
    name: str, subject: str, generation: Generation, parent: Resource
) -> tuple[Keys, list[Output[str]]]:
    """Provision one client's keys at a provider that uses certificates. Return them with the
    certificates (PEM) of all slots.

    The provider accepts all of them at any time, so no slot keeps an ended key
    (Generation.prepared_in).
    """
    slots = []
    certificates = []
    for slot in range(SLOTS):
        number = generation.prepared_in(slot)
        key = _slot(name, slot, RSA, number, parent)
        slots.append(key)
        pem = key.private_key_pem_pkcs8.apply(
            lambda pem: certificate(pem, subject)
        )
        # The certificate does not contain the private half that signed it.
        certificates.append(Output.unsecret(pem))
    now = slots[generation.slot]
    current = certificates[generation.slot]
    keys = Keys(
        active=_public(slots),
        private_key=Output.secret(now.private_key_pem_pkcs8),
        kid=current.apply(thumbprint),
        algorithm=SIGNS[RSA],
        watched=(_logical(name, generation.slot), now.public_key_pem),
        certificate=current,
    )
    return keys, certificates


def _logical(name: str, slot: int) -> str:
    return f"{name}-{SLOT_NAMES[slot]}"


def _slot(
    name: str, slot: int, kind: str, number: int, parent: Resource
) -> PrivateKey:
    """Make the key of one slot, for the generation with this `number`."""
    return PrivateKey(
        _logical(name, slot),
        algorithm=kind,
        rsa_bits=2048 if kind == RSA else None,
        ecdsa_curve="P256" if kind == ECDSA else None,
        opts=ResourceOptions(
            parent=parent,
            additional_secret_outputs=_PRIVATE,
            replacement_trigger=number,
        ),
    )


async def _current_slot(
    slots: Mapping[int, PrivateKey], generation: Generation
) -> int:
    """Find the slot of the client's key. A key that the run leaves out is unknown, and would remove
    the app's key."""
    now = slots[generation.slot]
    is_alone = not generation.overlapping or runtime.is_dry_run()
    if is_alone or await now.public_key_pem.is_known():
        return generation.slot
    return next(slot for slot in slots if slot != generation.slot)


def _public(slots: Iterable[PrivateKey]) -> Output[list[Jwk]]:
    return Output.all(*(slot.public_key_pem.apply(jwk) for slot in slots))
