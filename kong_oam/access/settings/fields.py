"""Fills the fields of a dataclass with the settings of the same names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any


def fields_of(kind: type[Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that checked settings say: `nodeAddress` is `node_address`, and a list a tuple."""
    found = {}
    for one in fields(kind):
        first, *rest = one.name.split("_")
        key = first + "".join(map(str.capitalize, rest))
        if key in said:
            found[one.name] = (
                tuple(said[key]) if isinstance(said[key], list) else said[key]
            )
    return found
