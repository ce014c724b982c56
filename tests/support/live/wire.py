"""A workload that counts requests by their bytes, and a gateway's answers to raw bytes.

The workload keeps its connections open, like real workloads: bytes behind a request are the next
request. This shows a request that was hidden in another request.
"""

from __future__ import annotations

import re
import socket
from contextlib import suppress
from types import TracebackType

from tests.support.local_servers import Connections, Listening, Requests

_LENGTH = re.compile(
    rb"^content-length: *([0-9]+) *\r$", re.MULTILINE | re.IGNORECASE
)
_CHUNKED = re.compile(
    rb"^transfer-encoding: *chunked *\r$", re.MULTILINE | re.IGNORECASE
)
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})")
SETTLED = 2.0
"""Seconds to wait for more of an answer. A gateway on this machine is much faster."""


class Wire(Listening):
    """Listens on a free port of `bind`. A context manager. `requests` are the requests that
    arrived: head and body."""

    def __init__(self, bind: str = "127.0.0.1") -> None:
        self.requests: list[bytes] = []
        self.connections: list[socket.socket] = []
        super().__init__(
            Connections((bind, 0), type("Handler", (_Handler,), {"wire": self}))
        )

    def __exit__(
        self, *ended: type[BaseException] | BaseException | TracebackType | None
    ) -> None:
        super().__exit__(*ended)
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(Requests):
    """Answer one request after the other."""

    wire: Wire
    timeout = None  # the gateway keeps connections for a minute, and must not find them closed

    def handle(self) -> None:
        self.wire.connections.append(self.request)
        with suppress(OSError):
            while head := self.head():
                self.wire.requests.append(head + self._body(head))
                answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
                self.wfile.write(
                    answer + b"ok" if not head.startswith(b"HEAD ") else answer
                )

    def _body(self, head: bytes) -> bytes:
        """Return the body, by the length in the head. Chunks stay chunks."""
        if not _CHUNKED.search(head):
            length = _LENGTH.search(head)
            return self.rfile.read(int(length[1])) if length else b""
        body = b""
        while not body.endswith(b"0\r\n\r\n"):
            line = self.rfile.readline()
            body += line + self.rfile.read(int(line.partition(b";")[0], 16) + 2)
        return body


def content_of(request: bytes) -> bytes:
    """Return the body of a request that arrived, without its chunks."""
    head, _, body = request.partition(b"\r\n\r\n")
    if not _CHUNKED.search(head + b"\r\n"):
        return body
    content = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        content += body[: int(size, 16)]
        body = body[int(size, 16) + 2 :]
    return content


def answers_to(proxy: tuple[str, int], raw: bytes) -> bytes:
    """Return the gateway's answers to these bytes, until it closes the connection or stays silent."""
    answered = b""
    with (
        socket.create_connection(proxy, timeout=SETTLED) as connection,
        suppress(OSError),
    ):
        connection.sendall(raw)
        while more := connection.recv(65536):
            answered += more
    return answered


def statuses(answered: bytes, *, head: bool = False) -> list[int]:
    """Return the status of each answer in these bytes. `head`: the first answers HEAD, and has no
    body."""
    found: list[int] = []
    while (status := _STATUS.match(answered)) and b"\r\n\r\n" in answered:
        lines, _, answered = answered.partition(b"\r\n\r\n")
        found.append(int(status[1]))
        if found[-1] < 200 or (head and len(found) == 1):
            continue
        length = _LENGTH.search(lines + b"\r\n")
        if length:
            answered = answered[int(length[1]) :]
        elif _CHUNKED.search(lines + b"\r\n"):
            answered = answered.partition(b"0\r\n\r\n")[2]
    return found
