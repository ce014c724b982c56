"""The tenant as an HTTP server on loopback: metadata, Microsoft Graph, the token endpoint and a
test login on one port.

It replaces a tenant of Microsoft Entra ID, so that the program, its tests and the demo need no
account. Everything is in memory. The port also speaks TLS, which the official plugin uses for
metadata. `environment` makes programs trust its certificate.

Not modelled: other lags of replication, soft deletion, throttling by the cost of a request. `rates`
limits the number of requests, and `faults` can inject any answer.
"""

from __future__ import annotations

import json
import math
import socket
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from tempfile import NamedTemporaryFile, _TemporaryFileWrapper
from typing import ClassVar, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from sandbox.answering import JsonHandler, JsonServer
from sandbox.edges import Json
from sandbox.entra.directory import Directory, GraphError, stamp
from sandbox.entra.graph import Graph
from sandbox.entra.login import Login, LoginError
from sandbox.kong.pem import self_signed
from sandbox.rates import Rates

TENANT = "11111111-1111-4111-8111-111111111111"
ADMINISTRATOR = "33333333-3333-4333-8333-333333333333"
_ADMINISTRATOR_OBJECT = "22222222-2222-4222-8222-222222222222"

Answer = tuple[int, Json | None, Mapping[str, str]]
Heard = Callable[[str, str, str], object]
"""A listener: it gets method, target and User-Agent of each request, before the answer."""
Fault = Callable[[str, str], Answer | None]
"""A handler in front of Graph: it gets method and path, and returns another answer, or None to let
the request pass."""


class Entra:
    """A context manager that runs the tenant. `users` are groups by login.

    `secret` belongs to the application that administers the tenant. `lag` is the number of seconds
    until a new role can be assigned. `page` is the most objects in an answer, if fewer than Graph's
    999.

    Attributes: `directory`, `login` (tests may sign with its key), `heard`, and `requests` (method
    and path of each request to Graph). `faults` is None or a handler in front of Graph. `rates` is
    None or limits; a 429 names the length of the window.
    """

    def __init__(
        self,
        groups: Iterable[str] = (),
        users: Mapping[str, tuple[str, ...]] | None = None,
        secret: str = "sandbox-client-secret",
        now: Callable[[], float] = time.time,
        lag: float = 0.0,
        page: int | None = None,
    ) -> None:
        self._server = JsonServer(_Handler, self)
        self.url = self._server.url
        self.directory = Directory(TENANT, now, lag, users=dict(users or {}))
        for group in groups:
            self.directory.add_group(group)
        self.secret = secret
        self.login = Login(
            self.directory,
            self.url,
            (ADMINISTRATOR, secret, _ADMINISTRATOR_OBJECT),
        )
        self.requests: list[tuple[str, str]] = []
        self.faults: Fault | None = None
        self.heard: Heard | None = None
        self.rates: Rates | None = None
        self._graph = Graph(self.directory, self.url, page)
        self._lock = threading.RLock()
        certificate, key = self_signed("127.0.0.1")
        self._believed = _file(certificate)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with _file(key) as private:
            self.tls.load_cert_chain(self._believed.name, private.name)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()
        self._believed.close()

    @property
    def issuer(self) -> str:
        return self.login.issuer

    @property
    def environment(self) -> dict[str, str]:
        """The account, as the program and the plugin take it."""
        account = {
            "ARM_CLIENT_ID": ADMINISTRATOR,
            "ARM_CLIENT_SECRET": self.secret,
        }
        return {**account, "SSL_CERT_FILE": self._believed.name}

    def answer(
        self, method: str, target: str, headers: Mapping[str, str], data: bytes
    ) -> Answer:
        """Return the answer to one HTTP request: status, JSON body (None: no body), headers."""
        if self.heard:
            self.heard(method, target, headers.get("user-agent", ""))
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        with self._lock:
            if parts.path.startswith(("/v1.0/", "/beta/")):
                return self._of_graph(method, parts.path, query, headers, data)
            if parts.path == "/metadata/endpoints":
                return 200, self._endpoints(), {}
            try:
                return self._of_login(method, parts.path, query, headers, data)
            except LoginError as refused:
                return (
                    refused.status,
                    _error_body(refused, self.directory.now()),
                    {},
                )

    def _endpoints(self) -> Json:
        return {
            "portal": self.url,
            "authentication": {
                "loginEndpoint": self.url,
                "audiences": [self.url],
                "tenant": "common",
                "identityProvider": "AAD",
            },
            "graphAudience": self.url,
            "graph": self.url,
            "name": "Fake",
            "suffixes": {},
            "resourceManager": f"{self.url}/arm",
            "microsoftGraphResourceId": f"{self.url}/",
        }

    def _of_graph(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        data: bytes,
    ) -> Answer:
        self.requests.append((method, path))
        if self.rates and (counted := self.rates.left(path)) and counted[1] < 0:
            body = refusal(
                GraphError(429, "TooManyRequests", "Please retry again later."),
                self.directory.now(),
            )
            return (
                429,
                body,
                {"Retry-After": f"{math.ceil(counted[2] - self.rates.now())}"},
            )
        if self.faults and (fault := self.faults(method, path)):
            return fault
        try:
            if not headers.get("authorization", "").startswith("Bearer "):
                raise GraphError(
                    401, "InvalidAuthenticationToken", "Access token is empty."
                )
            body = json.loads(data) if data else {}
            status, answer = self._graph.answer(
                method,
                path.removeprefix("/v1.0").removeprefix("/beta"),
                query,
                body,
            )
        except GraphError as refused:
            return refused.status, refusal(refused, self.directory.now()), {}
        return status, json.loads(json.dumps(answer)), {}

    def _of_login(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        data: bytes,
    ) -> Answer:
        match method, path.removeprefix(f"/{self.directory.tenant}"):
            case "GET", "/v2.0/.well-known/openid-configuration":
                return 200, self.login.metadata(), {}
            case "GET", "/discovery/v2.0/keys":
                return 200, self.login.keys(), {}
            case "GET", "/oauth2/v2.0/authorize":
                back = {
                    **self.login.authorize(query),
                    "state": query.get("state", ""),
                }
                return (
                    302,
                    {},
                    {"Location": f"{query['redirect_uri']}?{urlencode(back)}"},
                )
            case "POST", "/oauth2/v2.0/token":
                form = dict(parse_qsl(data.decode(), keep_blank_values=True))
                tokens = self.login.token(
                    form,
                    headers.get("authorization", ""),
                    origin := headers.get("origin"),
                )
                # Only a code from a page's redirect is redeemed with an origin.
                if origin is None or form["grant_type"] != "authorization_code":
                    return 200, tokens, {}
                return 200, tokens, {"Access-Control-Allow-Origin": origin}
        return 404, {}, {}


def _file(text: str) -> _TemporaryFileWrapper[str]:
    """Return a temporary file that only its owner can read; closing deletes it."""
    # The caller closes it.
    file = NamedTemporaryFile("w", suffix=".pem", encoding="utf-8")  # noqa: SIM115
    file.write(text)
    file.flush()
    return file


def refusal(refused: GraphError, now: float) -> Json:
    """As Graph words it."""
    ids = {
        "request-id": str(uuid.uuid4()),
        "client-request-id": str(uuid.uuid4()),
    }
    inner = {"date": stamp(now).removesuffix("Z"), **ids}
    return {
        "error": {
            "code": refused.code,
            "message": refused.message,
            "innerError": inner,
        }
    }


def _error_body(refused: LoginError, now: float) -> Json:
    return {
        "error": refused.error,
        "error_description": refused.description,
        "error_codes": [refused.number],
        "timestamp": stamp(now),
        "trace_id": str(uuid.uuid4()),
        "correlation_id": str(uuid.uuid4()),
    }


_HANDSHAKE = b"\x16"
"""The type of a TLS client's first record (RFC 8446, 5.1). No HTTP method begins with it."""


class _Handler(JsonHandler):
    owner: ClassVar[Entra]

    def setup(self) -> None:
        """Use TLS if the client begins with a handshake."""
        if self.request.recv(1, socket.MSG_PEEK) == _HANDSHAKE:
            self.request = self.owner.tls.wrap_socket(
                self.request, server_side=True
            )
        super().setup()

    def finish(self) -> None:
        """Close the connection that the server passed in; the TLS connection is another object."""
        super().finish()
        self.request.close()

    def _serve(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.answer(
            *self.owner.answer(self.command, self.path, headers, self.body())
        )

    do_GET = do_POST = do_PATCH = do_DELETE = _serve
