"""Fills the fields of a dataclass with the settings of the same names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from kong_oam.access.data import Names, YamlObject


def fields_of(kind: type[Any], settings: YamlObject) -> YamlObject:
    """The fields that checked settings say: `nodeAddress` is `node_address`, and a list a tuple."""
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
    """The same with tuples in the place of lists."""
    return dict(zip(lists, map(tuple, lists.values()), strict=True))


def camel(name: str) -> str:
    """The name of a field as files have it: `nodeAddress` of `node_address`."""
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
