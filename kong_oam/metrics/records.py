"""Records of requests (docs/reference/records.md) in the lines of a log."""

from __future__ import annotations

import json
import re
from typing import Any, TypedDict, TypeGuard

from kong_oam.oam.position import Fields

# The version of records.
VERSION = 1


class RequestRecord(TypedDict, total=False):
    """A record of a request, as the gateway writes it. Only a verified token gives the fields of a
    token."""

    stack: str
    component: str
    port: str
    method: str
    host: str
    path: str
    address: str
    client: str
    caller: str
    by: str
    user: bool
    subject: str
    subjectHash: str
    groups: list[str]
    scopes: list[str]
    decision: str
    code: str
    status: int
    time: str
    rule: str
    revision: str
    admitted: str
    node: str
    worker: str
    sequence: int


def values_in(line: str | bytes) -> list[Any]:
    """Return the values in a line of a log: one JSON value, or each value of a list. Raises
    ValueError if the line is not JSON."""
    try:
        value = json.loads(line)
    except RecursionError:
        raise ValueError("the line is nested too deeply") from None
    return value if isinstance(value, list) else [value]


_TEXTS = (
    "requestId",
    "stack",
    "component",
    "port",
    "method",
    "host",
    "path",
    "code",
    "decision",
    "time",
    "revision",
)
_TEXTS_OF_SOME = (
    "address",
    "admitted",
    "by",
    "caller",
    "client",
    "node",
    "rule",
    "rulePath",
    "subject",
    "subjectHash",
    "worker",
)
_LISTS_OF_SOME = ("groups", "scopes")
_SURROGATE = re.compile("[\ud800-\udfff]")


def is_complete(record: Fields) -> TypeGuard[RequestRecord]:
    """Return whether a record has all required fields, and optional fields of the right type."""
    texts = [record.get(name) for name in _TEXTS] + [
        record.get(name, "") for name in _TEXTS_OF_SOME
    ]
    for name in _LISTS_OF_SOME:
        listed = record.get(name, [])
        texts += listed if isinstance(listed, list) else [None]
    return (
        record.get("version") == VERSION
        and type(record.get("status")) is int
        and type(record.get("sequence", 1)) is int
        and isinstance(record.get("user", False), bool)
        and all(map(_is_text, texts))
    )


def _is_text(value: Any) -> bool:
    # JSON can contain half of a character (`\ud800`), which other formats cannot.
    return isinstance(value, str) and not _SURROGATE.search(value)
