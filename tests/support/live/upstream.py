"""An upstream that keeps what it got, byte by byte, and answers with the same bytes."""

from __future__ import annotations

import re
import socketserver
import threading
from types import TracebackType
from typing import Final, Self

MARK: Final = b"X-Live-Request"
"""The request header by which a test finds what arrived of its request."""

_MARKED = re.compile(rb"^" + MARK + rb": ([^\r]*)\r$", re.MULTILINE | re.IGNORECASE)
_LENGTH = re.compile(rb"^content-length: *(\d+)\r$", re.MULTILINE | re.IGNORECASE)


class Upstream:
    """Listens on a free port of `bind`. A context manager."""

    def __init__(self, bind: str = "127.0.0.1") -> None:
        self._arrived: dict[str, list[bytes]] = {}
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"upstream": self})
        self._server = _Server((bind, 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def arrived(self, mark: str) -> list[bytes]:
        """Every request that came with this mark: head and body, as they were received."""
        with self._lock:
            return list(self._arrived.get(mark, ()))

    def keep(self, raw: bytes) -> None:
        """Notes a request, before it is answered."""
        found = _MARKED.search(raw)
        with self._lock:
            self._arrived.setdefault(found[1].decode("latin-1") if found else "", []).append(raw)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


class _Handler(socketserver.StreamRequestHandler):
    """One request a connection. Bodies have a Content-Length, as the tests send them."""

    upstream: Upstream
    timeout = 10

    def handle(self) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline(65536)
            if not line:
                return  # a connection that was opened in vain
            head += line
        length = _LENGTH.search(head)
        raw = head + self.rfile.read(int(length[1]) if length else 0)
        self.upstream.keep(raw)
        answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nConnection: close\r\n"
        answer += b"Content-Length: %d\r\n\r\n" % len(raw)
        self.wfile.write(answer if head.startswith(b"HEAD ") else answer + raw)
