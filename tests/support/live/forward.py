"""A workload that remembers the targets of its requests, and switches to WebSockets."""

from __future__ import annotations

import socketserver
import threading
from types import TracebackType
from typing import Self

from tests.support.live.run import bind_address


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        line = self.rfile.readline()
        if not line:
            return
        headers = []
        while (header := self.rfile.readline()) not in (b"\r\n", b""):
            headers.append(header.lower())
        target = line.split(b" ")[1]
        targets = self.server.targets
        targets.append(target)
        if target == b"/closes-once" and targets.count(target) == 1:
            return
        if any(header.startswith(b"upgrade:") for header in headers):
            self.wfile.write(
                b"HTTP/1.1 101 Switching Protocols\r\n"
                b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
            )
            self.wfile.write(self.rfile.read1(100))
            return
        self.wfile.write(
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    targets: list[bytes]


class Workload:
    """A server on a free port. `targets`: of its requests, in order."""

    def __init__(self) -> None:
        self._server = _Server((bind_address(), 0), _Handler)
        self._server.targets = []

    @property
    def targets(self) -> list[bytes]:
        return self._server.targets

    @property
    def port(self) -> int:
        port: int = self._server.server_address[1]
        return port

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
