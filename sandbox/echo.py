"""A stand-in for a workload: a server that answers 200 and returns the request as JSON.

Every image of a component is replaced by this server. Its answer is `{"method", "target",
"headers", "body"}`, so a caller sees what the gateway forwarded. `headers` is a list of name-value
pairs.

With TLS, the server shows a certificate for the requested name, signed by its own CA. This is as if
every workload had a certificate for its Service. It asks for no client certificate.
"""

import socket
import ssl
from functools import cached_property
from typing import Any, Self

from sandbox.answering import JsonHandler, JsonServer
from sandbox.kong.pem import Authority, load_pair


class Echo:
    """One server on a free loopback port, for every Service of the cluster stand-in."""

    def __init__(self) -> None:
        self._server = _Server(_Handler)

    @property
    def address(self) -> tuple[str, int]:
        """The server's address: ("127.0.0.1", port)."""
        return "127.0.0.1", self._server.server_port

    @property
    def authority(self) -> str:
        """The certificate of the CA, in PEM."""
        return self._server.authority.certificate

    def start(self) -> Self:
        """Begin to serve."""
        self._server.start()
        return self

    def stop(self) -> None:
        """End serving and frees the port."""
        self._server.stop()


class _Server(JsonServer):
    @cached_property
    def authority(self) -> Authority:
        return Authority("workloads")

    def finish_request(self, request: Any, client_address: Any) -> None:
        if (
            request.recv(1, socket.MSG_PEEK)[:1] != b"\x16"
        ):  # the first byte of a handshake
            super().finish_request(request, client_address)
            return
        try:
            with self._context("localhost").wrap_socket(
                request, server_side=True
            ) as connection:
                super().finish_request(connection, client_address)
        except OSError:
            return  # a client that does not trust the certificate disconnects

    def _context(self, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        load_pair(context, *self.authority.signed(name))

        def choose(
            connection: ssl.SSLObject, asked: str | None, _: ssl.SSLContext
        ) -> None:
            if asked and asked != name:
                connection.context = self._context(asked)

        context.sni_callback = choose
        return context


class _Handler(JsonHandler):
    server_version = "workload-stand-in"

    def _echo(self) -> None:
        seen = {
            "stand-in": "workload",
            "method": self.command,
            "target": self.path,
            "headers": [[name, value] for name, value in self.headers.items()],
            "body": self.body().decode("utf-8", "replace"),
        }
        self.answer(200, seen)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = (
        _echo
    )
