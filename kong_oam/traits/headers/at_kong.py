"""The table's entry and the scripts of the trait `headers`.

headers     {set, add, remove} of answers and {request} for the workload: [[name, value]], [names]
"""

from __future__ import annotations

from typing import Any

from kong_oam.access.data import JsonObject, Texts
from kong_oam.kong.at_kong import AtKong
from kong_oam.traits.headers.value import (
    ADDED,
    HEADERS,
    REMOVED,
    SECURE,
    Headers,
)


def headers_entry(headers: Headers, *_: Any) -> JsonObject:
    """Return the table's `headers`; nothing if no script needs it. Explicit headers win over the
    preset."""
    added: Texts = {}
    preset: Texts = {}
    removed = {*headers.remove}
    if headers.secure:
        explicit = {name.lower() for name in (*headers.set, *headers.remove)}
        added = _without(explicit, ADDED)
        preset = _without(explicit, SECURE)
        removed.update(name for name in REMOVED if name.lower() not in explicit)
    entry = {
        "add": _pairs(added),
        "remove": sorted(removed),
        "request": _pairs(headers.request),
        "set": _pairs({**preset, **headers.set}),
    }
    return {"headers": entry} if any(entry.values()) else {}


def _without(names: set[str], headers: Texts) -> Texts:
    return {
        name: value
        for name, value in headers.items()
        if name.lower() not in names
    }


def _pairs(headers: Texts) -> list[list[str]]:
    return [[name, value] for name, value in sorted(headers.items())]


AT_KONG = AtKong(
    HEADERS,
    entries=headers_entry,
    scripts={
        "headers": {
            "access": ("request_headers",),
            "header_filter": ("response_headers",),
        }
    },
)
