"""All that a value holds, also what does not count when two of them are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from kong_oam.oam.position import SourcePosition


def plain_data(value: Any) -> Any:
    """The value as plain data, equal where all of two values is; places, which only say where something is, apart."""
    if isinstance(value, SourcePosition):
        return None
    if is_dataclass(value) and not isinstance(value, type):
        return type(value).__name__, {
            field.name: plain_data(getattr(value, field.name))
            for field in fields(value)
        }
    if isinstance(value, Mapping):
        return {key: plain_data(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain_data(inner) for inner in value]
    return value
