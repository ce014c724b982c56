"""Fill the fields of a dataclass from settings of the same names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from kong_oam.access.data import JsonFields, Names


def fields_of(kind: type[Any], settings: Mapping[str, object]) -> JsonFields:
    """Return the fields that checked settings set: `nodeAddress` is `node_address`, a list is a
    tuple."""
    values = {}
    for field in fields(kind):
        key = camel(field.name)
        if key in settings:
            value = settings[key]
            values[field.name] = (
                tuple(value) if isinstance(value, list) else value
            )
    return values


def tuples(lists: Mapping[str, list[str]]) -> dict[str, Names]:
    """Return the mapping with tuples instead of lists."""
    return dict(zip(lists, map(tuple, lists.values()), strict=True))


def camel(name: str) -> str:
    """Return the name of a field in files: `nodeAddress` for `node_address`."""
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
