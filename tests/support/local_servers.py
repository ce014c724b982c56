"""Servers of tests on a free port, each in its own thread during a `with`, and the requests that
they read."""

from __future__ import annotations

import socketserver
import threading
from types import TracebackType
from typing import Self


class Listening:
    """Run `server` in a thread. A context manager."""

    def __init__(self, server: socketserver.TCPServer) -> None:
        self._server = server
        self._thread = threading.Thread(
            target=server.serve_forever,
            kwargs={"poll_interval": 0.05},
            daemon=True,
        )

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, *_: type[BaseException] | BaseException | TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Connections(socketserver.ThreadingTCPServer):
    """A server of raw connections, a thread each."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


class Requests(socketserver.StreamRequestHandler):
    """A handler that reads the requests of a connection of HTTP/1."""

    timeout = 10

    def head(self) -> bytes:
        """Return the request line and headers with the line that ends them; empty where the
        connection ends before."""
        read = b""
        while not read.endswith(b"\r\n\r\n"):
            line = self.rfile.readline(65536)
            if not line:
                return b""
            read += line
        return read
