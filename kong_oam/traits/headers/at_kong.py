"""What a trait `headers` comes to: what scripts beside admission read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kong_oam.traits.headers.value import ADDED, REMOVED, SECURE, Headers


def headers_entry(headers: Headers | None) -> Mapping[str, Any]:
    """The table's `headers`; nothing where no script has a part in it. What is said explicitly wins
    over the preset."""
    if headers is None:
        return {}
    said = {name.lower() for name in (*headers.set, *headers.remove)}
    preset = {
        name: value
        for name, value in SECURE.items()
        if headers.secure and name.lower() not in said
    }
    added = {
        name: value
        for name, value in ADDED.items()
        if headers.secure and name.lower() not in said
    }
    removed = {name for name in REMOVED if headers.secure and name.lower() not in said}
    entry = {
        "add": _pairs(added),
        "remove": sorted({*removed, *headers.remove}),
        "request": _pairs(headers.request),
        "set": _pairs({**preset, **headers.set}),
    }
    return {"headers": entry} if any(entry.values()) else {}


def _pairs(headers: Mapping[str, str]) -> list[list[str]]:
    return [[name, value] for name, value in sorted(headers.items())]
