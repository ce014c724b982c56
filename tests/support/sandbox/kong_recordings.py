"""Recordings of a real Kong 3.10, and the comparison of two answers."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.support import recordings
from tests.support.json_object import JsonObject
from tests.support.repository import DATA

ID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    re.IGNORECASE,
)


def recorded(name: str) -> list[JsonObject]:
    """Return the lines of a recording; skip the test with a reason where the recordings are
    missing."""
    return recordings.recorded(f"kong-3.10/{name}")


def schema(name: str) -> Any:
    """Return a recorded schema without its descriptions, which a stand-in does not repeat."""
    path = DATA / "kong-3.10" / name
    if not path.exists():
        pytest.skip(f"no recorded schemas at {path}")
    return without(json.loads(path.read_text()), {"description"})


def without(value: Any, names: set[str]) -> Any:
    """Return `value` without the fields of these names, at any depth."""
    if isinstance(value, dict):
        return {
            name: without(item, names)
            for name, item in value.items()
            if name not in names
        }
    return (
        [without(item, names) for item in value]
        if isinstance(value, list)
        else value
    )
