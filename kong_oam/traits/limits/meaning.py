"""Compiles the trait `limits`."""

from __future__ import annotations

import re

import kong_oam.oam.application as oam
from kong_oam.access.model import METHODS
from kong_oam.traits.limits.value import IDEMPOTENT, Limits, Retries

_BYTES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
_MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000}


def limits_of(part: oam.Component) -> Limits | None:
    """What the component's trait `limits` says; None without one."""
    trait = part.trait("limits")
    if trait is None:
        return None
    times, retries = (
        trait.properties.get("timeouts", {}),
        trait.properties.get("retries"),
    )
    said = (
        Retries(retries["count"], _methods(retries.get("methods", IDEMPOTENT)))
        if retries
        else None
    )
    return Limits(
        body=_in(_BYTES, trait.properties.get("body")),
        connect=_in(_MILLISECONDS, times.get("connect")),
        read=_in(_MILLISECONDS, times.get("read")),
        write=_in(_MILLISECONDS, times.get("write")),
        retries=said,
    )


def _in(units: dict[str, int], text: str | None) -> int | None:
    found = re.fullmatch("([0-9]+)([A-Za-z]+)", text or "")
    return int(found[1]) * units[found[2]] if found else None


def _methods(said: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(method for method in METHODS if method in said)
