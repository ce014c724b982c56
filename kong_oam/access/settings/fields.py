"""Fills the fields of a dataclass with the settings of the same names."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from kong_oam.access.data import Data


def fields_of(kind: type[Any], settings: Data) -> dict[str, Any]:
    """The fields that checked settings say: `nodeAddress` is `node_address`, and a list a tuple."""
    values = {}
    for field in fields(kind):
        first, *others = field.name.split("_")
        key = first + "".join(map(str.capitalize, others))
        if key in settings:
            value = settings[key]
            values[field.name] = tuple(value) if isinstance(value, list) else value
    return values
