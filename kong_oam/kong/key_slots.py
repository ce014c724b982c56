"""Signing keys in a fixed number of slots, so that `apply` never creates a resource.

A known key keeps its slot, and a new key takes an empty slot. A key that no longer signs stays for
the longest token lifetime. The slots are a stack output, which the next run reads through a
reference to its own stack.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import TypedDict

from kong_oam.access.data import JsonObject
from kong_oam.errors import SettingsError
from kong_oam.identity.common.discovery import SigningKey


class SlotOutput(TypedDict, total=False):
    """A slot as a stack output: the fields of its key, and an ISO date."""

    key: JsonObject | None
    retired: str | None


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot with a key, or an empty slot. `retired`: the first day on which the key was not
    published."""

    key: SigningKey | None = None
    retired: date | None = None

    def to_output(self) -> SlotOutput:
        """Return the slot as the stack exports it, with `retired` in ISO 8601."""
        return {
            "key": asdict(self.key) if self.key else None,
            "retired": self.retired.isoformat() if self.retired else None,
        }

    @staticmethod
    def from_output(data: SlotOutput) -> Slot:
        """Return the slot of an output."""
        key = data.get("key")
        retired = data.get("retired")
        return Slot(
            SigningKey(**key) if key else None,
            date.fromisoformat(retired) if retired else None,
        )


class TooManyKeysError(SettingsError):
    """The issuer's current and retiring keys need more slots. The message says how many."""


def assign(
    previous: Iterable[Slot],
    published: Iterable[SigningKey],
    size: int,
    today: date,
    lifetime: timedelta,
    previous_keys: Iterable[SigningKey] = (),
) -> tuple[Slot, ...]:
    """Return the slots with keys assigned. Raises TooManyKeysError.

    `published`: the key that signs first, then all others that may sign. `lifetime`: of the
    longest-lived token; days count whole. `previous_keys`: keys that may have signed recently. If
    runs were missed and the signing key is new, they get the free slots and retire today.
    """
    listed = tuple(published)
    before = tuple(previous)
    current = {key.kid: key for key in listed}
    slots = [_aged(slot, current, today, lifetime) for slot in before]
    slots += [Slot()] * (size - len(slots))
    placed = _key_ids(slots)
    for kid in sorted(current.keys() - placed):
        empty = _empty(slots)
        if empty is None:
            raise TooManyKeysError(
                f"{len(placed) + 1} signing keys need slots, but the key ring has {size}; raise "
                "gateway.keySlots"
            )
        slots[empty] = Slot(current[kid])
        placed.add(kid)
    placed_before = _key_ids(before)
    if placed_before and listed[0].kid not in placed_before:
        _place_retiring(slots, previous_keys, placed, today)
    if _key_ids(slots[size:]):
        raise TooManyKeysError(
            f"slots after the first {size} still hold keys in use; lower gateway.keySlots after "
            "these keys retire"
        )
    return tuple(slots[:size])


def _place_retiring(
    slots: list[Slot],
    keys: Iterable[SigningKey],
    placed: Collection[str],
    today: date,
) -> None:
    """Give free slots to keys that may have signed recently."""
    for key in keys:
        empty = _empty(slots)
        if key.kid not in placed and empty is not None:
            slots[empty] = Slot(key, retired=today)


def _key_ids(slots: Iterable[Slot]) -> set[str]:
    return {slot.key.kid for slot in slots if slot.key}


def _empty(slots: Sequence[Slot]) -> int | None:
    return next(
        (index for index, slot in enumerate(slots) if slot.key is None), None
    )


def _aged(
    slot: Slot,
    current: Mapping[str, SigningKey],
    today: date,
    lifetime: timedelta,
) -> Slot:
    if slot.key is None:
        return slot
    if slot.key.kid in current:
        return Slot(current[slot.key.kid])
    retired = slot.retired or today
    # The time from the last minute of a day to the first minute of a later day is a day less than
    # their difference.
    over = today - retired - timedelta(days=1) >= lifetime
    return Slot() if over else replace(slot, retired=retired)
