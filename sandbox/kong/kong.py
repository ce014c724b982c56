"""The Kong stand-in as a whole: an Admin API and a proxy, in clear and by TLS, over one store."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from kong_rules.entities import Entity, Snapshot
from kong_rules.store import Store
from sandbox.kong import tls, upstream
from sandbox.kong.admin import AdminApi
from sandbox.kong.checks import Checks
from sandbox.kong.entities import KongConf, Service
from sandbox.kong.http import InvalidRequestError, Request, Response, Server
from sandbox.kong.proxy import Answer, Proxy, Send
from sandbox.kong.upstream import Resolve, UpstreamRequest


@dataclass(frozen=True, slots=True)
class Lags:
    """The delay until the data plane sees an entity, in seconds: Kong rebuilds each kind on a
    separate timer.

    `routes` holds for routes, services, certificates, SNIs, upstreams and targets, `plugins` for
    plugins, `credentials` for credentials and consumers.
    """

    routes: float = 0.0
    plugins: float = 0.0
    credentials: float = 0.0


Fault = Callable[[Request, Callable[[], Response]], Response | None]
"""A handler between a client and the Admin API: it gets the request and a function that answers it.
It may return that answer, late or early, another answer, or None to close the connection."""


class Kong:
    """A stand-in for a Kong 3.10 OSS node, on 127.0.0.1.

    Port 0 picks a free port. Without `proxy_tls_port` the proxy does not listen for TLS. With
    `admin_tls` the Admin API listens for TLS only; the context decides whether clients need a
    certificate. Every Admin API request needs `admin_token`, if set, in the header
    Kong-Admin-Token.

    `configuration` overrides the values that `GET /` reports; the proxy uses `trusted_ips` and
    related values from it. `resolve` finds upstreams (None: no such name). `now` is the clock for
    tokens and timestamps (Unix seconds), `clock` the clock for lags (seconds). `lags` and `faults`
    (default: none) may change at any time.
    """

    def __init__(
        self,
        admin_port: int = 0,
        proxy_port: int = 0,
        lags: Lags = Lags(),
        admin_token: str | None = None,
        configuration: KongConf | None = None,
        version: str = "3.10.0",
        resolve: Resolve = upstream.resolve_by_name,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        proxy_tls_port: int | None = None,
        admin_tls: ssl.SSLContext | None = None,
    ) -> None:
        self.lags = lags
        self.faults: Fault | None = None
        self._ports = (admin_port, proxy_port, proxy_tls_port)
        self._admin_tls = admin_tls
        self._resolve = resolve
        self._store = Store(Checks(), now, clock)
        self._admin = AdminApi(
            self._store, version, configuration or {}, admin_token
        )
        self._proxy = Proxy(
            self._store, version, now, self._current_lags, configuration
        )
        self._servers: tuple[Server, ...] = ()

    def start(self) -> None:
        """Begin to listen; the URLs are known from then on."""
        admin, proxy, proxy_tls = self._ports
        self._servers = (
            Server(admin, self._manage, self._admin_tls),
            Server(proxy, self._serve),
        )
        if proxy_tls is not None:
            context = tls.listening(
                lambda: self._store.seen(self.lags.routes)[0]
            )
            self._servers += (Server(proxy_tls, self._serve_tls, context),)

    def stop(self) -> None:
        """Close all listeners and connections. The entities stay."""
        for server in self._servers:
            server.stop()
        self._servers = ()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, *_: type[BaseException] | BaseException | TracebackType | None
    ) -> None:
        self.stop()

    @property
    def admin_url(self) -> str:
        scheme = "https" if self._admin_tls else "http"
        return f"{scheme}://127.0.0.1:{self._servers[0].port}"

    @property
    def proxy_url(self) -> str:
        return f"http://127.0.0.1:{self._servers[1].port}"

    @property
    def proxy_tls_url(self) -> str:
        """The port of the TLS listener. Raises LookupError if there is no TLS listener."""
        if len(self._servers) < 3:
            raise LookupError(
                "this stand-in for Kong was given no proxy_tls_port"
            )
        return f"https://127.0.0.1:{self._servers[2].port}"

    @property
    def messages(self) -> list[str]:
        """The last lines that the proxy's scripts logged, and the errors they ended with."""
        return self._proxy.messages

    def entities(self, kind: str) -> list[Entity]:
        """Return all entities of a kind, oldest first.

        Kinds: services, routes, plugins, consumers, jwt_secrets, certificates (without their
        `snis`), ca_certificates, snis, upstreams and targets.
        """
        return sorted(
            self._store.current.tables[kind].values(),
            key=lambda entity: (entity["created_at"], entity["id"]),
        )

    def past(self) -> tuple[Snapshot, ...]:
        """Return all entities after each of the last changes, oldest first."""
        return self._store.past()

    def restore(self, snapshot: Snapshot) -> None:
        """Hold the entities of `snapshot` and no past, on the same ports, without faults."""
        self.faults = None
        self._store.restore(snapshot)

    def handle(
        self,
        raw: bytes,
        scheme: str = "http",
        peer: str = "127.0.0.1",
        send: Send = upstream.accept_all,
    ) -> Answer:
        """Return the proxy's answer to the bytes of one request, without sockets. `peer` is the
        address of the client. `send` is the upstream, which always answers 200 by default.

        The same code runs behind the proxy's port. Here the ports are Kong's defaults (8000, 8443).
        """
        return self._proxy.handle(raw, scheme, None, send, peer)

    def _current_lags(self) -> tuple[float, float, float]:
        lags = self.lags
        return lags.routes, lags.plugins, lags.credentials

    def _manage(
        self, request: Request | InvalidRequestError
    ) -> Response | None:
        faults = self.faults
        if faults is None or isinstance(request, InvalidRequestError):
            return self._administered(request)
        return faults(request, lambda: self._administered(request))

    def _administered(self, request: Request | InvalidRequestError) -> Response:
        answer = self._admin.answer(request)
        if (
            answer.status == 501
            and isinstance(request, Request)
            and request.target == "/metrics"
        ):
            headers = (("Content-Type", "text/plain; charset=UTF-8"),)
            return Response(200, headers, self._proxy.metrics.encode())
        return answer

    def _serve(self, request: Request | InvalidRequestError) -> Response | None:
        return self._answered(request, "http", self._servers[1].port)

    def _serve_tls(
        self, request: Request | InvalidRequestError
    ) -> Response | None:
        return self._answered(request, "https", self._servers[2].port)

    def _answered(
        self, request: Request | InvalidRequestError, scheme: str, port: int
    ) -> Response:
        answer = self._proxy.answer(request, scheme, port, self._send)
        return Response(answer.status, tuple(answer.headers), answer.body)

    def _send(self, request: UpstreamRequest, service: Service) -> Response:
        snapshot = self._store.seen(self.lags.routes)[0]
        return upstream.send(
            request,
            service,
            self._resolve,
            upstream.speaking(service, snapshot),
        )
