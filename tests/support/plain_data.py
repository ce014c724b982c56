"""All data of a value, also data that comparisons ignore."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from kong_oam.oam.position import SourcePosition


def overlaid(old: Any, new: Any) -> Any:
    """Return `old` with the fields of `new`, at any depth."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    return {
        **old,
        **{key: overlaid(old.get(key), value) for key, value in new.items()},
    }


def plain_data(value: Any) -> Any:
    """Return the value as plain data, equal only if all data is. Source positions, which only point
    at text, are left out."""
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
