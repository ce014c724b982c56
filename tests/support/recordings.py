"""Recordings of real products, which are beside the project."""

from __future__ import annotations

import json

import pytest

from tests.support.json_object import JsonObject
from tests.support.repository import DATA


def recorded(name: str) -> list[JsonObject]:
    """Return the lines of a recording; skip the test with a reason where the recordings are
    missing."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no recordings at {path}")
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
