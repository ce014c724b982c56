"""JSON over HTTP, as the stand-ins call the product APIs: one connection a request, never through a
system proxy."""

import http.client
import json
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TIMEOUT = 60.0  # seconds; as long as the official Kong plugin's default


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: status, the parsed JSON body (None: no JSON) and the body's text."""

    status: int
    body: Any
    text: str
    headers: Mapping[str, str]


def send_form(
    url: str, target: str, form: Mapping[str, str], timeout: float = TIMEOUT
) -> Answer:
    """POST a form, as logins do, and wait at most so many seconds for an answer; otherwise like
    `send`."""
    data = urllib.parse.urlencode(form).encode()
    return _sent(
        url,
        "POST",
        target,
        data,
        {"Content-Type": "application/x-www-form-urlencoded"},
        timeout,
    )


def send(
    url: str,
    method: str,
    target: str,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send `body` as JSON (None: no body) to `target` on the server at `url` ("http://host:port").

    `target` is the request line's target, so an absolute-form target makes the server a proxy.
    Raises OSError or http.client.HTTPException when no answer came.
    """
    if body is None:
        return _sent(url, method, target, None, headers or {})
    return _sent(
        url,
        method,
        target,
        json.dumps(body).encode(),
        {"Content-Type": "application/json", **(headers or {})},
    )


def _sent(
    url: str,
    method: str,
    target: str,
    data: bytes | None,
    headers: Mapping[str, str],
    timeout: float = TIMEOUT,
) -> Answer:
    parts = urllib.parse.urlsplit(url)
    secure = parts.scheme == "https"
    connect = (
        http.client.HTTPSConnection if secure else http.client.HTTPConnection
    )
    connection = connect(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request(
            method, target, data, {"Accept": "application/json", **headers}
        )
        response = connection.getresponse()
        text = response.read().decode("utf-8", "replace")
    finally:
        connection.close()
    try:
        parsed = json.loads(text) if text else None
    except ValueError:
        parsed = None
    return Answer(response.status, parsed, text, dict(response.headers.items()))
