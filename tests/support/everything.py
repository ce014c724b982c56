"""All fields of a value, also those that a comparison ignores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from kong_oam.oam.position import SourcePosition


def everything(value: Any) -> Any:
    """Return the value as plain data, without source positions: two values are equal if all of
    their data is."""
    if isinstance(value, SourcePosition):
        return None
    if is_dataclass(value) and not isinstance(value, type):
        return type(value).__name__, {
            field.name: everything(getattr(value, field.name))
            for field in fields(value)
        }
    if isinstance(value, Mapping):
        return {key: everything(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [everything(inner) for inner in value]
    return value
