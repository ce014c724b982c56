"""A workload with long answers: it echoes WebSocket data, and sends events until the client closes."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from tests.support.local_servers import Connections, Listening, Requests

UPGRADE: Final = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\n"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_PAUSE = 0.2


class Streams(Listening):
    """Listens on a free port of `bind`. A context manager. `heads` are the requests that arrived."""

    def __init__(self, bind: str = "127.0.0.1") -> None:
        self.heads: list[bytes] = []
        self.ended = threading.Event()
        super().__init__(
            Connections(
                (bind, 0), type("Handler", (_Handler,), {"streams": self})
            )
        )

    def __exit__(
        self, *ended: type[BaseException] | BaseException | TracebackType | None
    ) -> None:
        self.ended.set()
        super().__exit__(*ended)


class _Handler(Requests):
    streams: Streams
    timeout = 60

    def handle(self) -> None:
        if not (head := self.head()):
            return
        self.streams.heads.append(head)
        with suppress(OSError):
            self._socket(
                head
            ) if b"\r\nupgrade: websocket\r\n" in head.lower() else self._events(
                head
            )

    def _socket(self, head: bytes) -> None:
        """Open a WebSocket by RFC 6455, and echo bytes: only the two ends read frames."""
        found = re.search(
            rb"sec-websocket-key: *([^\r]*)\r", head, re.IGNORECASE
        )
        accept = base64.b64encode(
            hashlib.sha1((found[1] if found else b"") + _GUID).digest()
        )
        self.wfile.write(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        )
        self.wfile.write(b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        while data := self.request.recv(4096):
            self.wfile.write(data)

    def _events(self, head: bytes) -> None:
        """Send events. Below /held, leave out the header that turns off nginx's buffering."""
        at_once = b"" if b"/held " in head else b"X-Accel-Buffering: no\r\n"
        self.wfile.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n"
        )
        self.wfile.write(at_once + b"\r\n")
        for number in range(300):
            self.wfile.write(b"data: %d\n\n" % number)
            if self.streams.ended.wait(_PAUSE):
                return


class Opened:
    """A connection to the gateway after one request. A context manager."""

    def __init__(
        self, proxy: tuple[str, int], raw: bytes, timeout: float = 15
    ) -> None:
        self._connection = socket.create_connection(proxy, timeout=timeout)
        self._connection.sendall(raw)
        self._left = b""
        try:
            self.head = self.until(b"\r\n\r\n")
        except OSError:
            self._connection.close()
            raise
        self.status = int(self.head.split(b" ", 2)[1])

    def until(self, mark: bytes) -> bytes:
        """Return the bytes up to and including `mark`."""
        while mark not in self._left:
            more = self._connection.recv(4096)
            assert more, f"ended before {mark!r}: {self._left!r}"
            self._left += more
        part, self._left = self._left.split(mark, 1)
        return part + mark

    def say(self, data: bytes) -> None:
        self._connection.sendall(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, *_: type[BaseException] | BaseException | TracebackType | None
    ) -> None:
        self._connection.close()
