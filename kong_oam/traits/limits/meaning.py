"""The meaning of `limits`. It does not decide, but a smaller body allows fewer requests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from kong_oam.access.data import YamlObject
from kong_oam.access.diff.kind import Kind
from kong_oam.access.meaning import Declared, Meaning
from kong_oam.access.model import METHODS
from kong_oam.traits.limits.value import (
    IDEMPOTENT,
    LIMITS,
    Limits,
    LimitsYaml,
    Retries,
)

_BYTES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
_MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000}


def _compile(declared: Declared) -> Limits | None:
    trait = declared.part.trait(LIMITS.name)
    if trait is None:
        return None
    properties = cast("LimitsYaml", trait.properties)
    times = properties.get("timeouts", {})
    return Limits(
        body=_in(_BYTES, properties.get("body")),
        connect=_in(_MILLISECONDS, times.get("connect")),
        read=_in(_MILLISECONDS, times.get("read")),
        write=_in(_MILLISECONDS, times.get("write")),
        retries=_retries(properties.get("retries")),
    )


def _in(units: Mapping[str, int], text: str | None) -> int | None:
    quantity = re.fullmatch("([0-9]+)([A-Za-z]+)", text or "")
    return int(quantity[1]) * units[quantity[2]] if quantity else None


def _retries(properties: YamlObject | None) -> Retries | None:
    if not properties:
        return None
    listed = properties.get("methods", IDEMPOTENT)
    methods = tuple(method for method in METHODS if method in listed)
    return Retries(properties["count"], methods)


def _change(name: str, was: Any, now: Any) -> Kind:
    if name != "body" or now is None:
        return "changed"
    return "may narrow" if was is None or now < was else "changed"


MEANING = Meaning(LIMITS, _compile, _change)
