"""A stand-in for a workload: a server that answers 200 with JSON of what reached it.

Whatever a component's image would do, the sandbox answers with `{"method", "target", "headers", "body"}`, so that a
caller sees what the gateway let through and which identity it passed on. `headers` is a list of name-value pairs.

Who speaks TLS to it is shown a certificate for the name that they ask for, by a CA of its own, as if every workload had
one for its Service. It asks for no certificate of theirs.
"""

import json
import socket
import ssl
import threading
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from sandbox.kong.pem import Authority, load_pair


class Echo:
    """One server on a free loopback port, for every Service of the cluster stand-in."""

    def __init__(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens: ("127.0.0.1", port)."""
        return "127.0.0.1", self._server.server_port

    @property
    def authority(self) -> str:
        """The certificate of the CA, in PEM."""
        return self._server.authority.certificate

    def start(self) -> Self:
        """Begins to serve."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ends serving and frees the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    @cached_property
    def authority(self) -> Authority:
        return Authority("workloads")

    def finish_request(self, request: Any, client_address: Any) -> None:
        if request.recv(1, socket.MSG_PEEK)[:1] != b"\x16":  # what a handshake begins with
            super().finish_request(request, client_address)
            return
        try:
            with self._context("localhost").wrap_socket(request, server_side=True) as connection:
                super().finish_request(connection, client_address)
        except OSError:
            return  # whoever does not believe it says so, and goes

    def _context(self, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        load_pair(context, *self.authority.signed(name))

        def choose(connection: ssl.SSLObject, asked: str | None, _: ssl.SSLContext) -> None:
            if asked and asked != name:
                connection.context = self._context(asked)

        context.sni_callback = choose
        return context


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "workload-stand-in"

    def _echo(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        seen = {
            "stand-in": "workload",
            "method": self.command,
            "target": self.path,
            "headers": [[name, value] for name, value in self.headers.items()],
            "body": body.decode("utf-8", "replace"),
        }
        data = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _echo  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        """Silent: the caller shows what matters."""
