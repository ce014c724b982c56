"""The Admin API that a command writes to while `dbless` runs.

It listens on the loopback address and rejects connections of other users. Requests about entities
go to the writer, and all others to the first node.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kong_oam.kong.dbless.nodes import Node, NodeError
from kong_oam.kong.dbless.writer import Writer
from kong_oam.kong.entities import WRITTEN_BY
from kong_oam.kong.forward import ForwardError, owner
from kong_rules.errors import AnswerError

_LOOPBACK = "127.0.0.1"
_READS = ("GET", "HEAD", "OPTIONS")
_REFUSED = {"message": "Method not allowed"}


@contextmanager
def serving(writer: Writer, node: Node, port: int) -> Iterator[str]:
    """Serve the Admin API until the block ends. Yield its address. Raises ForwardError."""
    handler = type("Handler", (_Handler,), {"writer": writer, "node": node})
    try:
        server = _Server((_LOOPBACK, port), handler)
    except OSError as error:
        raise ForwardError(
            f"port {port} is not available ({error.strerror}); is another run in progress?"
        ) from None
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{_LOOPBACK}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def verify_request(self, _: Any, client_address: Any) -> bool:
        """Reject processes of other users."""
        port = self.server_address[1]
        return owner(int(port), client_address[1]) == os.getuid()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a command that closes its connection before the answer."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    writer: Writer
    node: Node
    protocol_version = "HTTP/1.1"
    # A connection that a command leaves open ends with the command.
    timeout = 600
    disable_nagle_algorithm = True

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        content_type = self.headers.get("Content-Type")
        try:
            if self.writer.is_entity(self.path):
                answered = self.writer.answer(
                    self.command, self.path, content_type, body
                )
                self._send(answered.status, answered.body)
            elif self.command in _READS or self.path.startswith("/schemas/"):
                self._forward(content_type, body)
            else:
                self._send(405, _REFUSED)
        except AnswerError as early:
            self._send(early.status, early.body)
        except NodeError as error:
            self._send(503, {"message": str(error)})

    do_GET = do_HEAD = do_OPTIONS = _answer
    do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def _forward(self, content_type: str | None, body: bytes) -> None:
        forwarded = self.node.forwarded(
            self.command, self.path, content_type, body
        )
        try:
            answer = forwarded.json() if forwarded.content else None
        except ValueError:
            answer = {"message": forwarded.text}
        if self.path.partition("?")[0] == "/" and isinstance(answer, dict):
            configuration = answer.get("configuration") or {}
            answer["configuration"] = {**configuration, WRITTEN_BY: "dbless"}
        self._send(forwarded.status_code, answer)

    def _send(self, status: int, body: Any) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Print nothing: the output belongs to the command."""
