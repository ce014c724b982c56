"""What takes records of requests on loopback: an HTTP server and a TCP listener that keep what comes."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from kong_oam.metrics.records import values_in


class Receiver:
    """`payloads`: what came, text for each record or list of records. A context manager; `url` is where it listens for HTTP."""

    def __init__(self, kind: str = "http", host: str = "127.0.0.1") -> None:
        self.payloads: list[bytes] = []
        keep = self.payloads.append
        self._server: socketserver.BaseServer = (
            _http(host, keep) if kind == "http" else _Lines((host, 0), _line_handler(keep))
        )
        self.port = int(self._server.server_address[1])
        self._host = host

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self.port}/records"

    def record(self, request_id: str, seconds: float = 15) -> dict[str, Any]:
        """The record of a request, once it came. Fails where it does not."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for payload in tuple(self.payloads):
                if request_id.encode() in payload:
                    found: dict[str, Any] = next(one for one in values_in(payload) if one["requestId"] == request_id)
                    return found
            time.sleep(0.02)
        raise AssertionError(f"no record of {request_id} came; {len(self.payloads)} others did")

    def await_text(self, text: bytes, seconds: float = 15) -> None:
        """Waits for a payload that has this text in it. Fails where none comes."""
        until = time.monotonic() + seconds
        while not any(text in payload for payload in tuple(self.payloads)):
            assert time.monotonic() < until, f"{text!r} did not come, in {len(self.payloads)} payloads"
            time.sleep(0.02)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Lines(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def _http(host: str, keep: Callable[[bytes], None]) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            keep(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    return ThreadingHTTPServer((host, 0), Handler)


def _line_handler(keep: Callable[[bytes], None]) -> type[socketserver.StreamRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                keep(line)

    return Handler
