"""Cut the lists of a JSON answer, for readers with little room."""

from __future__ import annotations

import json
from typing import Any

from kong_oam.oam.position import JsonObject

LEFT = "left"
"""The field that counts the entries that were cut, by the name of the list."""

# The size of an answer, in bytes for each entry of the limit, and the smallest such limit.
_BYTES = 500
_FEWEST = 10

# Lists inside of entries are cut first, to this number. Lists of words, such as methods, keep more.
_INNER = 3
_WORDS = 10


def limited(answer: JsonObject, limit: int) -> JsonObject:
    """Return the answer with at most `limit` entries of each list, and in total at most 500 bytes
    for each entry of the limit. `left` counts the other entries beside each list.

    Lists of lists keep their inner lists whole: a part of a set of groups has another meaning.
    """
    most = max(limit, _FEWEST) * _BYTES
    outer = inner = limit
    cut = _cut(answer, outer, inner)
    while len(as_line(cut).encode()) > most and outer > 1:
        if inner > _INNER:
            inner = max(inner // 2, _INNER)
        else:
            outer = outer * 9 // 10
            inner = min(inner, outer)
        cut = _cut(answer, outer, inner)
    return cut


def as_line(value: Any) -> str:
    """Return a JSON document on one line."""
    return json.dumps(value, ensure_ascii=False)


def _cut(value: JsonObject, most: int, inner: int) -> JsonObject:
    """Cut the lists of an object to `most` entries, and the lists in their entries to `inner`."""
    cut: JsonObject = {}
    left: dict[str, int] = {}
    for name, part in value.items():
        if not isinstance(part, (list, tuple)):
            is_object = isinstance(part, dict)
            cut[name] = _cut(part, most, inner) if is_object else part
            continue
        has_words = all(isinstance(entry, str) for entry in part)
        kept = part[: max(most, _WORDS) if has_words else most]
        cut[name] = [
            _cut(entry, inner, inner) if isinstance(entry, dict) else entry
            for entry in kept
        ]
        if len(kept) < len(part):
            left[name] = len(part) - len(kept)
    return {**cut, LEFT: left} if left else cut
