"""The Okta stand-in as an HTTP server on loopback: management API and OAuth endpoints on one port.

It replaces an Okta org, so that the program, its tests and the demo need no account. Everything is
in memory. Requests are routed by path. A target may have origin form (`GET /api/v1/...`) or
absolute form (`GET http://ORG.okta.com/api/v1/...`), which the official plugin sends to its
`http_proxy`.

Rate limits are announced, and enforced for paths in `rates`. Not modelled: limits of concurrent
requests; TLS; the org's own authorization server; users in the management API; consent; sessions;
custom domains; inline hooks.
"""

import contextlib
import copy
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from sandbox.edges import Json
from sandbox.okta import cors, routes, servers
from sandbox.okta.answers import Answer, ApiError, Request, bad_token
from sandbox.okta.grants import OAuthError
from sandbox.okta.oauth import OAUTH
from sandbox.okta.org import KINDS, Org, User, seed
from sandbox.rates import Rates

RATE_LIMIT, RATE_WINDOW = (
    600,
    60,
)  # requests, seconds: the announced limit of paths without a limit
DOCUMENTED: Mapping[str, int] = {
    "/api/v1/apps/[^/]+": 500,
    "/api/v1/apps.*": 100,
    "/api/v1/groups/[^/]+": 1000,
    "/api/v1/groups": 500,
    "/api/v1/.*": 1200,
}
"""Requests a minute of an org of Workforce Identity, by path (developer.okta.com, "Management rate
limits").

A guess is that windows begin at whole minutes, since only when one ends is documented.
"""
LARGEST_BODY = 1 << 20  # bytes


Answered = tuple[Answer, bytes]
"""An answer and its encoded body."""

Fault = Callable[[str, str, Callable[[], Answered]], Answered | None]
"""A handler between a client and the management API: it gets the method, the path and a function
that answers. It may return that answer, late or early, another answer, or None to close the
connection."""

Heard = Callable[[str, str, str], object]
"""A listener: it gets method, target and User-Agent of each request, before the answer."""


class Okta:
    """A stand-in Okta org with `groups`, `users` and one API token; the module's docstring lists
    its limits.

    `port` 0 picks a free port on 127.0.0.1 at the first start and keeps it. `now` returns epoch
    seconds for tokens and timestamps. `faults`, `heard`, `rates` (limits) and `page` (the most
    objects in a page) may change at any time; the default is none. Raises ValueError for a user
    whose group does not exist, and for duplicate names.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        api_token: str,
        groups: Iterable[str] = (),
        users: Iterable[User] = (),
        now: Callable[[], float] = time.time,
    ) -> None:
        self.faults: Fault | None = None
        self.heard: Heard | None = None
        self.rates: Rates | None = None
        self._port = port
        self._org = Org(now=now, api_token=api_token)
        seed(self._org, groups, users)
        self._lock = threading.RLock()
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        """Base URL, `http://127.0.0.1:PORT`; with port 0 known only once it was started."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen, and answer in threads of this process. Raises OSError when the port is taken."""
        if self._server is not None:
            raise RuntimeError("the Okta stand-in is already running")
        server = _Server(("127.0.0.1", self._port), _handler(self))
        self._port = int(server.server_address[1])
        self._org.origin = self.url
        self._server = server
        threading.Thread(
            target=server.serve_forever, args=(0.05,), daemon=True
        ).start()

    def stop(self) -> None:
        """Stop listening and close every connection; the objects stay for a later start."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> "Okta":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def page(self) -> int | None:
        return self._org.page

    @page.setter
    def page(self, most: int | None) -> None:
        self._org.page = most

    def objects(self, kind: str) -> list[Json]:
        """Return copies of all objects of a kind, oldest first, as the management API shows them.

        Kinds: authorizationServers, scopes, claims, policies, rules, apps, assignments, groups,
        trustedOrigins. Raises KeyError for another kind.
        """
        if kind not in KINDS:
            raise KeyError(f"unknown kind {kind!r}; known: {', '.join(KINDS)}")
        with self._lock:
            copied: list[Json] = json.loads(
                json.dumps(
                    [row.body for row in self._org.tables[kind].values()]
                )
            )
            return copied

    def save(self) -> Org:
        """Return a copy of all that the org holds, for `restore`."""
        with self._lock:
            return copy.deepcopy(self._org)

    def restore(self, saved: Org) -> None:
        """Restore the state from `save`, on the same port, without faults."""
        with self._lock:
            self.faults = None
            self._org = copy.deepcopy(saved)

    def sign(
        self, server_id: str, claims: Json, *, header: Json | None = None
    ) -> str:
        """Test-only: a token over any claims, signed by the server's active key.

        `header` updates the usual header. A real Okta has no such door; tests use it for expired
        and malformed tokens. Raises `ApiError` (404) for an unknown server.
        """
        with self._lock:
            self._org.get("authorizationServers", server_id)
            return self._org.keys[server_id].active.sign(claims, header)

    def rotate(self, server_id: str) -> None:
        """Test-only: let a new key sign from now on, as an administrator could; the old one stays
        published.

        Raises `ApiError` (404) for an unknown server.
        """
        with self._lock:
            servers.rotate(
                self._org, self._org.get("authorizationServers", server_id)
            )

    def publish(self, uri: str, jwks: Json) -> None:
        """Set the keys that a client's server publishes at its `jwks_uri`, which a real Okta would
        fetch."""
        with self._lock:
            self._org.published[uri] = jwks

    def answer(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> Answered | None:
        """Return the answer to one HTTP request, or None if `faults` returns None; `target` may
        have either form."""
        faults = self.faults
        path = urlsplit(target).path
        if self.heard:
            self.heard(method, target, headers.get("user-agent", ""))
        if faults is None or not path.startswith("/api/"):
            return self._answered(method, target, headers, body)
        return faults(
            method, path, lambda: self._answered(method, target, headers, body)
        )

    def _answered(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> Answered:
        split = urlsplit(target)
        if (
            counted := self.rates.left(split.path) if self.rates else None
        ) is not None:
            return self._limited(
                counted, lambda: self._handled(method, target, headers, body)
            )
        return self._handled(method, target, headers, body)

    def _limited(
        self, counted: tuple[int, int, float], proceed: Callable[[], Answered]
    ) -> Answered:
        """Return the answer, or 429 above the rate limit, with the rate limit headers."""
        limit, left, reset = counted
        headers = {
            "X-Rate-Limit-Limit": f"{limit}",
            "X-Rate-Limit-Remaining": f"{max(left, 0)}",
        }
        headers["X-Rate-Limit-Reset"] = f"{reset:.0f}"
        answer = ApiError(
            429,
            "E0000047",
            "API call exceeded rate limit due to too many requests.",
        ).answer()
        body, content = (
            proceed()
            if left >= 0
            else (answer, json.dumps(answer.body).encode())
        )
        return replace(body, headers={**body.headers, **headers}), content

    def _handled(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> Answered:
        split = urlsplit(target)
        # The answer may hold stored objects, so that it is encoded under the lock too.
        with self._lock:
            try:
                answer = self._route(
                    method, split.path, split.query, headers, body
                )
            except ApiError as error:
                answer = error.answer()
            except OAuthError as error:
                answer = Answer(
                    error.status,
                    {
                        "error": error.error,
                        "error_description": error.description,
                    },
                )
            answer = cors.marked(
                self._org, split.path, headers.get("origin"), answer
            )
            return answer, b"" if answer.body is None else json.dumps(
                answer.body
            ).encode()

    def _route(
        self,
        method: str,
        path: str,
        query: str,
        headers: dict[str, str],
        body: bytes,
    ) -> Answer:
        oauth = path.startswith("/oauth2/")
        handler, place = routes.find(
            OAUTH if oauth else routes.MANAGEMENT, method, path
        )
        if (
            path.startswith("/api/")
            and headers.get("authorization") != f"SSWS {self._org.api_token}"
        ):
            raise bad_token()
        content = (
            _form(body.decode("utf-8", "replace"))
            if oauth
            else _json(method, body)
        )
        parameters = (
            _form(query)
            if oauth
            else dict(parse_qsl(query, keep_blank_values=True))
        )
        return handler(
            self._org,
            Request(method, path, place, parameters, content, headers),
        )


def _form(encoded: str) -> dict[str, str]:
    pairs = parse_qsl(encoded, keep_blank_values=True)
    if len(dict(pairs)) != len(pairs):
        raise OAuthError(
            "invalid_request", "A parameter is given more than once."
        )
    return dict(pairs)


def _json(method: str, body: bytes) -> Json:
    if method not in ("POST", "PUT") or not body:
        return {}
    try:
        parsed = json.loads(body, object_hook=_set)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise ApiError(400, "E0000003", "The request body was not well-formed.")
    return parsed


def _set(members: Json) -> Json:
    """Members that are null count as absent, as on Okta."""
    return {name: value for name, value in members.items() if value is not None}


class _Server(ThreadingHTTPServer):
    """Closes the connections that clients keep open when it is closed itself."""

    daemon_threads = True
    block_on_close = True

    def __init__(
        self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]
    ) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnected; print other errors."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def server_close(self) -> None:
        for connection in list(self._open):
            with contextlib.suppress(
                OSError
            ):  # its thread may already have closed it
                connection.shutdown(socket.SHUT_RDWR)
        super().server_close()


def _handler(okta: Okta) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        org = okta

    return Handler


class _Handler(BaseHTTPRequestHandler):
    """Reads a request, passes it to `org`, and writes the answer with Okta's headers."""

    org: ClassVar[Okta]
    protocol_version = "HTTP/1.1"
    server_version = "okta-stand-in"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    count = 0

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_BODY:
            self.send_error(413)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        answered = self.org.answer(
            self.command, self.path, headers, self.rfile.read(length)
        )
        if answered is None:
            self.close_connection = True
            return
        answer, content = answered
        self.send_response(answer.status)
        for name, value in (self._usual() | dict(answer.headers)).items():
            self.send_header(name, value)
        if content:
            self.send_header("Content-Type", "application/json")
        if answer.status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _usual(self) -> dict[str, str]:
        _Handler.count += 1
        second = int(time.time())
        return {
            "X-Okta-Request-Id": f"req{_Handler.count:06}",
            "X-Rate-Limit-Limit": str(RATE_LIMIT),
            "X-Rate-Limit-Remaining": str(RATE_LIMIT - 1),
            "X-Rate-Limit-Reset": str(
                second - second % RATE_WINDOW + RATE_WINDOW
            ),
            "Cache-Control": "no-cache, no-store",
        }

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name is inherited)
        """Print nothing: a request's query may hold a code, and the demo has its own output."""

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _serve
