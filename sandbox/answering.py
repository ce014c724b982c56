"""Servers of the stand-ins on loopback, which answer in JSON."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any


class JsonHandler(BaseHTTPRequestHandler):
    """Reads bodies, answers in JSON, and prints nothing: a query may hold a code."""

    protocol_version = "HTTP/1.1"

    def body(self) -> bytes:
        """Return the body of the request."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(
        self,
        status: int,
        body: Any,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Send a status and a body (None: no body). A 204 and an answer to HEAD have no body."""
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        """Print nothing."""


class JsonServer(ThreadingHTTPServer):
    """A server on a loopback port, by default a free port. Its handler knows its stand-in as
    `owner`."""

    daemon_threads = True

    def __init__(
        self,
        handler: type[BaseHTTPRequestHandler],
        owner: object = None,
        port: int = 0,
    ) -> None:
        super().__init__(
            ("127.0.0.1", port), type("Handler", (handler,), {"owner": owner})
        )
        self.url = f"http://127.0.0.1:{self.server_port}"

    def start(self) -> None:
        """Begin to serve, in threads of this process."""
        threading.Thread(
            target=self.serve_forever, args=(0.05,), daemon=True
        ).start()

    def stop(self) -> None:
        """End serving and frees the port."""
        self.shutdown()
        self.server_close()
