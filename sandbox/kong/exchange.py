"""One request on its way through the proxy: the data that plugins read and change."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

from kong_rules.entities import Entity, Snapshot
from sandbox.kong.balancer import Balancer
from sandbox.kong.http import Header, Request, Response
from sandbox.kong.router import Match


@dataclass(slots=True)
class Exchange:
    """A request and the answer to it, as plugins read and change them.

    `path` is normalised, `raw_path` as it came. `headers` are the request's, as plugins leave them.
    `address` is the client's address. Plugins set `target_host`, `target_port` and `retries` in
    place of the service's values (None: unchanged). The answer has `source` (service, exit: a
    plugin's, error: Kong's) and `answered`, its body. `record_edits` are scripts' changes of the
    log record.
    """

    request: Request
    scheme: str
    port: int
    raw_path: str
    path: str
    query: str | None
    now: float
    headers: list[Header]
    address: str
    request_id: str = field(default_factory=lambda: secrets.token_hex(16))
    match: Match | None = None
    upstream_path: str = "/"
    upstream_host: str | None = None
    target_host: str | None = None
    target_port: int | None = None
    # Consumers and credentials, as the data plane sees them.
    credentials: Snapshot = field(default_factory=lambda: Snapshot({}))
    balancer: Balancer = field(default_factory=lambda: Balancer({}, {}))
    method: str = ""
    body: bytes = b""
    retries: int | None = None
    consumer: Entity | None = None
    credential: Entity | None = None
    token: str | None = None
    response_headers: list[Header] = field(default_factory=list)
    status: int = 0
    exit: Response | None = None
    source: str = ""
    answered: bytes = b""
    record_edits: list[tuple[str, Any]] = field(default_factory=list)
    record_lost: bool = False

    def values(self, name: str) -> list[str]:
        """Return all values of a request header."""
        key = name.lower()
        return [value for own, value in self.headers if own.lower() == key]

    def set_header(self, name: str, *values: str) -> None:
        """Set a request header to these values, at the place of its first value or at the end."""
        key = name.lower()
        places = [
            place
            for place, (own, _) in enumerate(self.headers)
            if own.lower() == key
        ]
        new = [(name, value) for value in values]
        kept = [header for header in self.headers if header[0].lower() != key]
        at = places[0] if places else len(kept)
        self.headers[:] = [*kept[:at], *new, *kept[at:]]

    def add_header(self, name: str, *values: str) -> None:
        self.set_header(name, *self.values(name), *values)

    def clear_header(self, name: str) -> None:
        self.set_header(name)

    def set_response_header(self, name: str, *values: str) -> None:
        """Headers for any answer to this request."""
        kept = [
            header
            for header in self.response_headers
            if header[0].lower() != name.lower()
        ]
        self.response_headers[:] = [*kept, *((name, value) for value in values)]

    def arguments(self) -> Iterator[tuple[str, str | None]]:
        """Query arguments in order, decoded; None for an argument without `=`."""
        for part in (self.query or "").split("&"):
            name, equals, value = part.partition("=")
            if name or equals:
                yield unescaped(name), unescaped(value) if equals else None

    def cookie(self, name: str) -> str | None:
        """nginx's `$cookie_NAME`: the first of that name, in any case."""
        for header in self.values("cookie"):
            for part in header.split(";"):
                own, equals, value = part.strip().partition("=")
                if equals and own.lower() == name.lower():
                    return value
        return None

    @property
    def http_host(self) -> str:
        return self.request.header("host") or ""


def unescaped(text: str) -> str:
    """nginx's reading of an argument: `+` is a space, percent-encodings are bytes."""
    return unquote_to_bytes(text.replace("+", " ").encode("latin-1")).decode(
        "latin-1"
    )
