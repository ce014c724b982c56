"""Assigns an issuer's keys to the slots of its ring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from kong_oam.access.settings.values import Settings
from kong_oam.identity.common.discovery import SigningKey
from kong_oam.kong.key_slots import Slot, SlotOutput, TooManyKeysError, assign

from ..refusal import refuse


def assigned(
    settings: Settings,
    provider: str,
    before: Sequence[SlotOutput],
    published: Sequence[SigningKey],
    previous_keys: Sequence[SigningKey],
) -> tuple[Slot, ...]:
    """Return the slots of a provider's ring. `before` are the slots that the run before recorded.
    End the run if there are more keys than slots."""
    minutes = next(
        p.access_token_minutes for p in settings.providers if p.name == provider
    )
    try:
        return assign(
            map(Slot.from_output, before),
            published,
            settings.gateway.key_slots,
            settings.as_of,
            timedelta(minutes=minutes),
            previous_keys,
        )
    except TooManyKeysError as error:
        refuse(f"identity provider '{provider}': {error}")


def filled(
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
