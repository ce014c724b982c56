"""An upstream that records its requests, byte by byte, and answers with the same bytes."""

from __future__ import annotations

import re
import threading
from typing import Final

from tests.support.local_servers import Connections, Listening, Requests

MARK: Final = b"X-Live-Request"
"""The request header that identifies a test's request."""

_MARKED = re.compile(
    rb"^" + MARK + rb": ([^\r]*)\r$", re.MULTILINE | re.IGNORECASE
)
_LENGTH = re.compile(
    rb"^content-length: *(\d+)\r$", re.MULTILINE | re.IGNORECASE
)


class Upstream(Listening):
    """Listens on a free port of `bind`. A context manager."""

    def __init__(self, bind: str = "127.0.0.1") -> None:
        self._arrived: dict[str, list[bytes]] = {}
        self._lock = threading.Lock()
        super().__init__(
            Connections(
                (bind, 0), type("Handler", (_Handler,), {"upstream": self})
            )
        )

    def arrived(self, mark: str) -> list[bytes]:
        """Return every request with this mark: head and body, as they were received."""
        with self._lock:
            return list(self._arrived.get(mark, ()))

    def keep(self, raw: bytes) -> None:
        """Record a request, before it is answered."""
        found = _MARKED.search(raw)
        with self._lock:
            self._arrived.setdefault(
                found[1].decode("latin-1") if found else "", []
            ).append(raw)


class _Handler(Requests):
    """Reads one request a connection. Bodies have a Content-Length, as the tests send them."""

    upstream: Upstream

    def handle(self) -> None:
        if not (head := self.head()):
            return  # a connection without a request
        length = _LENGTH.search(head)
        raw = head + self.rfile.read(int(length[1]) if length else 0)
        self.upstream.keep(raw)
        answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nConnection: close\r\n"
        answer += b"Content-Length: %d\r\n\r\n" % len(raw)
        self.wfile.write(answer if head.startswith(b"HEAD ") else answer + raw)
