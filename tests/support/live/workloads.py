"""Workloads at the addresses of old services. Each answers with the request that reached it."""

from __future__ import annotations

import base64
import json
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Final, Self

from sandbox.kong.pem import load_pair
from tests.support.local_servers import Requests
from tests.support.workload_tls import Pair

ARRIVED: Final = "X-Test-Arrived"
"""The response header with the request that arrived: JSON in base64."""

_TLS_HANDSHAKE = b"\x16"


class Workloads:
    """Servers at these addresses, with or without TLS. A context manager."""

    def __init__(
        self, places: Iterable[tuple[str, int]], certificate: Pair
    ) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        load_pair(context, certificate.certificate, certificate.key)
        self._servers = [_Server(place, context) for place in places]

    def __enter__(self) -> Self:
        for server in self._servers:
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
        return self

    def __exit__(
        self, *_: type[BaseException] | BaseException | TracebackType | None
    ) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, place: tuple[str, int], context: ssl.SSLContext) -> None:
        super().__init__(place, _Handler)
        self._context = context

    def finish_request(self, request: socket.socket, client: object) -> None:  # type: ignore[override]
        request.settimeout(30)
        try:
            first = request.recv(1, socket.MSG_PEEK)
            if first != _TLS_HANDSHAKE:
                super().finish_request(request, client)
                return
            with self._context.wrap_socket(request, server_side=True) as secure:
                super().finish_request(secure, client)
        except OSError:
            return  # a client that ends its connection


class _Handler(Requests):
    """Answers the requests of a connection, which have no body."""

    def handle(self) -> None:
        while head := self.head():
            self.wfile.write(_answer(head, self.request.getsockname()))


def _answer(head: bytes, place: tuple[str, int]) -> bytes:
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    headers = [line.partition(": ") for line in lines]
    arrived = {
        "place": "{}:{}".format(*place),
        "method": method,
        "target": target,
        "headers": [[name.lower(), value] for name, _, value in headers],
    }
    text = base64.b64encode(json.dumps(arrived).encode()).decode()
    lines = ["HTTP/1.1 200 OK", "Content-Length: 0", f"{ARRIVED}: {text}"]
    return "\r\n".join([*lines, "", ""]).encode()
