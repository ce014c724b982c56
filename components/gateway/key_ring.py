"""Provisions the key ring of an issuer: a Kong consumer whose credentials are the issuer's keys."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pulumi
import pulumi_kong as kong

from kong_oam.access.settings.stack import Settings
from kong_oam.identity.common.discovery import SigningKey
from kong_oam.kong import names
from kong_oam.kong.key_slots import Slot, TooManyKeysError, assign

from ..refusal import refuse

Slots = pulumi.Output[list[Mapping[str, Any]]]
"""Which key sits in which slot of a ring, as the next run has to know it."""


@dataclass(frozen=True, slots=True)
class KeyRingArgs:
    """What the ring of one issuer is made from. `provider` is its name in the settings.

    `keys` are all that it signs with now or next, the current one first; with one of
    `previous_keys` it may have signed until a moment ago. `before` are the slots that the run
    before recorded.
    """

    settings: Settings
    provider: str
    address: pulumi.Output[str]
    keys: pulumi.Output[Sequence[SigningKey]]
    previous_keys: pulumi.Input[Sequence[SigningKey]]
    before: Sequence[Mapping[str, Any]]


def provision_key_ring(
    name: str, args: KeyRingArgs, opts: pulumi.ResourceOptions
) -> tuple[kong.Consumer, Slots | None]:
    """Make the consumer of an issuer and its slots. Without slots it is where Kong reads the keys
    itself: Enterprise's openid-connect does, from where they are published."""
    stack, gateway = args.settings.stack.name, args.settings.gateway
    ring = kong.Consumer(
        name,
        username=names.ring(stack, args.provider),
        custom_id=args.address,
        tags=names.tags(stack),
        opts=opts,
    )
    slots = _fill(name, ring, args, opts) if gateway.edition == "oss" else None
    return ring, slots


def _fill(
    name: str, ring: kong.Consumer, args: KeyRingArgs, opts: pulumi.ResourceOptions
) -> Slots:
    """Make the ring's fixed number of credentials."""
    stack = args.settings.stack.name
    count = args.settings.gateway.key_slots
    unused = [names.unused_key(stack, args.provider, index) for index in range(count)]
    slots = pulumi.Output.all(args.keys, args.previous_keys).apply(
        lambda lists: _assigned(args, *lists)
    )
    keys = pulumi.Output.all(slots, args.keys).apply(
        lambda both: _filled(both[0], both[1][0], unused)
    )
    secret = pulumi.ResourceOptions(additional_secret_outputs=["secret"])
    for index in range(count):
        kong.ConsumerJwtAuth(
            f"{name}-slot-{index}",
            consumer_id=ring.id,
            algorithm=keys[index].algorithm,
            key=keys[index].kid,
            rsa_public_key=keys[index].pem,
            secret=pulumi.Output.secret(
                "unused: RS256 and ES256 verify with the public key"
            ),
            tags=names.tags(stack),
            opts=pulumi.ResourceOptions.merge(opts, secret),
        )
    return slots.apply(lambda assigned: [slot.to_output() for slot in assigned])


def _assigned(
    args: KeyRingArgs,
    published: Sequence[SigningKey],
    previous_keys: Sequence[SigningKey],
) -> tuple[Slot, ...]:
    settings, provider = args.settings, args.provider
    minutes = next(
        p.access_token_minutes for p in settings.providers if p.name == provider
    )
    try:
        return assign(
            map(Slot.from_output, args.before),
            published,
            settings.gateway.key_slots,
            settings.as_of,
            datetime.timedelta(minutes=minutes),
            previous_keys,
        )
    except TooManyKeysError as error:
        refuse(f"identity provider '{provider}': {error}")


def _filled(
    slots: Sequence[Slot], current: SigningKey, unused: Sequence[str]
) -> list[SigningKey]:
    """Return a key for every slot.

    An empty slot holds the issuer's own current key, under an id that the issuer never uses: no
    other private half can ever sign there.
    """
    return [
        slot.key or replace(current, kid=kid)
        for slot, kid in zip(slots, unused, strict=True)
    ]
