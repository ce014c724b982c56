"""A careless MCP server, a stand-in: it runs every tool that some server could read in a request.
And the largest message that a Kong reads."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self

from tests.support.live.gateway import LiveGateway
from tests.support.live.run import bind_address

_CHARSETS = ("utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-7", "latin-1")

LARGEST = 2**20
# nginx keeps smaller bodies in memory: Kong's default of client_body_buffer_size.
_IN_MEMORY = 2**13
_BODIES_IN_FILES = "kong.request.get_raw_body of bodies in files"


def largest_message(live: LiveGateway) -> int:
    """Return the bytes of the largest message. A Kong that reads no files rejects larger bodies."""
    return _IN_MEMORY if live.target.lacks(_BODIES_IN_FILES) else LARGEST


class ToolServer:
    """`ran` are the tools that ran, and `headers` the headers of each request."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.headers: list[list[tuple[str, str]]] = []
        self.bodies: list[bytes] = []
        handler = type("Handler", (_Handler,), {"of": self})
        self._server = ThreadingHTTPServer((bind_address(), 0), handler)
        self._thread = Thread(target=self._server.serve_forever, daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    of: ToolServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        body = self._body()
        self.of.bodies.append(body)
        self.of.headers.append([*self.headers.items()])
        tools = {*_tools_in(body)}
        self.of.ran += sorted(tools)
        self._answer()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"] or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self) -> None:
        text = b'{"jsonrpc":"2.0","id":1,"result":{}}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def _tools_in(body: bytes) -> Iterator[str]:
    """Yield each text that could be the tool of a call, in any coding and charset."""
    unpacked = [body]
    with suppress(OSError, EOFError):
        unpacked.append(gzip.decompress(body))
    with suppress(zlib.error):
        unpacked.append(zlib.decompress(body))
    for raw in unpacked:
        for charset in _CHARSETS:
            with suppress(UnicodeError):
                yield from _tools_of(raw.decode(charset))


def _tools_of(text: str) -> Iterator[str]:
    found: list[list[tuple[str, Any]]] = []
    with suppress(ValueError, RecursionError):
        json.JSONDecoder(object_pairs_hook=found.append, strict=False).raw_decode(text.lstrip())  # fmt: skip
    for pairs in found:
        for key, value in pairs:
            if key.lower() == "name" and isinstance(value, str):
                yield value
