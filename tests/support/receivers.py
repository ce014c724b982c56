"""Receivers of access logs on loopback: an HTTP server and a TCP listener that store all records."""

from __future__ import annotations

import socketserver
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kong_oam.metrics.records import values_in
from tests.support.json_object import JsonObject
from tests.support.local_servers import Connections, Listening


class Receiver(Listening):
    """`payloads`: received bodies, text for each record or list of records. A context manager;
    `url` is its address for HTTP."""

    def __init__(self, kind: str = "http") -> None:
        self.payloads: list[bytes] = []
        at = ("127.0.0.1", 0)
        kept = {"payloads": self.payloads}
        if kind == "http":
            super().__init__(
                ThreadingHTTPServer(at, type("Handler", (_Posts,), kept))
            )
        else:
            super().__init__(Connections(at, type("Handler", (_Lines,), kept)))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/records"

    def record(self, request_id: str, seconds: float = 15) -> JsonObject:
        """Wait for the record of a request, and return it. Fails where none comes."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for payload in tuple(self.payloads):
                if request_id.encode() in payload:
                    found: JsonObject = next(
                        record
                        for record in values_in(payload)
                        if record["requestId"] == request_id
                    )
                    return found
            time.sleep(0.02)
        raise AssertionError(
            f"no record of {request_id} came; {len(self.payloads)} others did"
        )

    def await_text(self, text: bytes) -> None:
        """Wait for a payload with this text. Fails where none comes."""
        until = time.monotonic() + 15
        while not any(text in payload for payload in tuple(self.payloads)):
            assert time.monotonic() < until, (
                f"{text!r} did not come, in {len(self.payloads)} payloads"
            )
            time.sleep(0.02)


class _Posts(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    payloads: list[bytes]

    def do_POST(self) -> None:
        self.payloads.append(
            self.rfile.read(int(self.headers["Content-Length"]))
        )
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Log no request."""


class _Lines(socketserver.StreamRequestHandler):
    payloads: list[bytes]

    def handle(self) -> None:
        for line in self.rfile:
            self.payloads.append(line)
