"""Count the requests in Kong's log by class of requests and consumer.

Source: the JSON lines of the plugins file-log and http-log (kong/pdk/log.lua).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from kong_oam.adopt.classes import ClassKey, RequestClasses
from kong_oam.adopt.requests import OldRequest

# The key of a class of requests, and the consumer of a request; empty for nobody.
LogKey = tuple[ClassKey, str]


def count_requests(
    lines: Iterable[bytes], classes: RequestClasses
) -> tuple[Counter[LogKey], int]:
    """Return the numbers of requests, and the number of lines without a readable request."""
    counts: Counter[LogKey] = Counter()
    unreadable = 0
    for line in lines:
        if not line.strip():
            continue
        found = _request(line)
        if found is None:
            unreadable += 1
            continue
        request, consumer = found
        if not request.is_rejected:
            counts[classes.key(request), consumer] += 1
    return counts, unreadable


def _request(line: bytes) -> tuple[OldRequest, str] | None:
    """Return the request of a line and its authenticated consumer, or None."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    request = _mapping(_mapping(record).get("request"))
    method = request.get("method")
    uri = request.get("uri")
    host = _mapping(request.get("headers")).get("host")
    texts = method, uri, host
    if not all(isinstance(text, str) for text in texts):
        return None
    path = str(uri).partition("?")[0]
    try:
        # Kong logs the bytes of a path as UTF-8.
        path = path.encode().decode("latin-1")
    except UnicodeEncodeError:
        return None
    return OldRequest(str(method), str(host), path), _consumer(record)


def _consumer(record: Mapping[str, Any]) -> str:
    """Return the consumer with a credential. An anonymous consumer has none."""
    if not record.get("authenticated_entity"):
        return ""
    consumer = _mapping(record.get("consumer"))
    name = consumer.get("username") or consumer.get("custom_id")
    return str(name or consumer.get("id") or "")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
