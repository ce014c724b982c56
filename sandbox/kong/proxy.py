"""The data plane: route a request, run its plugins, and send the result upstream.

Source: Kong's documentation, recorded exchanges of a Kong 3.10 (proxy-responses). Phases modelled:
rewrite (of plugins without a scope, before routing), access, header_filter, body_filter and log.
Plugins modelled: pre-function, jwt, request-termination, post-function, and the plugins in
other_plugins.py. Not modelled: HTTP/2, gRPC, WebSockets, health and hashing of upstreams, retries
after an answer has begun, streaming.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

from kong_rules.entities import Entity, Snapshot, Table
from kong_rules.store import Store
from sandbox.kong import jwt, rules, termination, uri
from sandbox.kong.balancer import NO_NAME, NO_PEER, Balancer, Peer
from sandbox.kong.client import client_address
from sandbox.kong.entities import KongConf, Service
from sandbox.kong.errors import error_response, html_page, nginx_error
from sandbox.kong.exchange import Exchange
from sandbox.kong.hop_by_hop import HopByHop
from sandbox.kong.http import (
    Header,
    InvalidRequestError,
    Request,
    Response,
    read_request,
)
from sandbox.kong.lua import Functions
from sandbox.kong.other_plugins import OTHER_PLUGINS
from sandbox.kong.precedence import ORDER, by_scope, everywhere, scopes
from sandbox.kong.prometheus import Prometheus
from sandbox.kong.retries import attempts, is_last
from sandbox.kong.router import Router, upstream_path
from sandbox.kong.upstream import (
    NameResolutionError,
    UpstreamError,
    UpstreamRequest,
)

PORTS = {"http": 8000, "https": 8443}
Send = Callable[[UpstreamRequest, Service], Response]
# Connection-level headers that nginx and Kong make anew for the upstream.
_REMADE = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy",
        "proxy-connection",
        "te",
        "transfer-encoding",
        "upgrade",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-path",
        "x-forwarded-port",
        "x-forwarded-prefix",
        "x-forwarded-proto",
        "x-kong-request-id",
        "x-real-ip",
    }
)
_REDIRECTS = frozenset({301, 302, 307, 308})


@dataclass(frozen=True, slots=True)
class Answer:
    """The client's answer, and the upstream's request (None: nothing was sent)."""

    status: int
    headers: list[Header]
    body: bytes
    upstream: UpstreamRequest | None


@dataclass(frozen=True, slots=True)
class View:
    """The entities as the data plane sees them: each part with a separate lag."""

    routes: Snapshot
    plugins: Snapshot
    credentials: Snapshot


class _ResponseError(Exception):
    """The request ends here, with this response of Kong's own: a plugin's (`exit`), or an error."""

    def __init__(self, response: Response, source: str = "error") -> None:
        super().__init__(response.status)
        self.response = response
        self.source = source


class Proxy:
    """Answers requests from the store, seen through `lags()` (routes, plugins, credentials:
    seconds).

    `configuration` has the values of kong.conf that affect a request.
    """

    def __init__(
        self,
        store: Store,
        version: str,
        now: Callable[[], float],
        lags: Callable[[], tuple[float, float, float]],
        configuration: KongConf | None = None,
    ) -> None:
        self._store = store
        self._version = version
        self._now = now
        self._lags = lags
        self._configuration = configuration or {}
        self._functions = Functions(version)
        self._hop_by_hop = HopByHop(version, self._functions)
        self._router: tuple[Table, Table, Router] | None = None
        self._balancer: tuple[Table, Table, Balancer] | None = None
        self._scoped: tuple[Table, dict[Any, Entity]] | None = None
        self._metrics = Prometheus()
        self._other_plugins = {
            **{name: kind() for name, kind in OTHER_PLUGINS.items()},
            "prometheus": self._metrics,
        }

    @property
    def messages(self) -> list[str]:
        """The last lines that scripts logged or failed with."""
        return list(self._functions.messages)

    @property
    def metrics(self) -> str:
        """Return the metrics of the plugin prometheus."""
        return self._metrics.exposition()

    def handle(
        self,
        raw: bytes,
        scheme: str,
        port: int | None,
        send: Send,
        peer: str = "127.0.0.1",
    ) -> Answer:
        """Answer one request from its bytes. If Kong would close the connection without an answer,
        this is a 400."""
        try:
            request: Request | InvalidRequestError | None = read_request(
                BytesIO(raw)
            )
        except InvalidRequestError as refused:
            request = refused
        if isinstance(request, Request):
            request = replace(request, peer=peer)
        return self.answer(
            request or InvalidRequestError(400),
            scheme,
            port or PORTS[scheme],
            send,
        )

    def answer(
        self,
        request: Request | InvalidRequestError,
        scheme: str,
        port: int,
        send: Send,
    ) -> Answer:
        """Return the answer to a request, also if it could not be parsed."""
        if isinstance(request, InvalidRequestError):
            exchange = self._exchange(None, scheme, port)
            response = nginx_error(
                request.status, request.accept, exchange.request_id
            )
            return self._own(exchange, response, close=True)
        exchange = self._exchange(request, scheme, port)
        tables = self._functions.begin()
        plugins: list[Entity] = []
        answer = self._exchanged(exchange, tables, plugins, send)
        exchange.response_headers[:] = answer.headers
        self._log(exchange, tables, plugins)
        return answer

    def _exchanged(
        self, exchange: Exchange, tables: Any, plugins: list[Entity], send: Send
    ) -> Answer:
        """Return the answer to a request; `plugins` are left there that it met."""
        sent: UpstreamRequest | None = None
        try:
            service = self._access(exchange, tables, plugins)
            balanced, peers = self._peers(exchange, service)
            for attempt, peer in attempts(exchange, service, peers):
                sent = self._upstream_request(
                    exchange,
                    service,
                    peer,
                    self._hop_by_hop.listed(exchange, tables),
                )
                try:
                    response = self._passed_on(exchange, send(sent, service))
                    break
                except NameResolutionError:
                    if attempt + 1 >= len(peers):
                        raise _ResponseError(
                            self._error(
                                exchange, 503, NO_PEER if balanced else NO_NAME
                            )
                        ) from None
                except UpstreamError as error:
                    if is_last(exchange, service, attempt, error):
                        raise
            else:
                raise _ResponseError(self._error(exchange, 503, NO_PEER))
        except _ResponseError as stop:
            exchange.source = stop.source
            return self._own(
                exchange,
                self._filtered(exchange, tables, plugins, stop.response),
            )
        except UpstreamError as error:
            exchange.source = "error"
            # nginx continues with this to its error page
            exchange.method = "HEAD" if exchange.method == "HEAD" else "GET"
            response = nginx_error(
                error.status,
                exchange.request.header("accept"),
                exchange.request_id,
            )
            response = replace(
                response,
                headers=(
                    *response.headers,
                    ("Via", f"1.1 kong/{self._version}"),
                ),
            )
            return self._own(
                exchange,
                self._filtered(exchange, tables, plugins, response),
                upstream=sent,
            )
        exchange.source = "service"
        response = self._filtered(exchange, tables, plugins, response)
        return Answer(
            response.status, list(response.headers), response.body, sent
        )

    def _exchange(
        self, request: Request | None, scheme: str, port: int
    ) -> Exchange:
        request = request or Request("GET", "/", 1, (), b"", "")
        path, mark, query = request.target.partition("?")
        return Exchange(
            request,
            scheme,
            port,
            path,
            uri.normalized(path),
            query if mark else None,
            self._now(),
            list(request.headers),
            client_address(request, self._configuration),
            method=request.method,
            body=request.body,
        )

    def _error(
        self,
        exchange: Exchange,
        status: int,
        message: str | None = None,
        *headers: Header,
    ) -> Response:
        return error_response(
            status,
            message,
            exchange.request.header("accept"),
            exchange.request_id,
            headers,
        )

    def _access(
        self, exchange: Exchange, tables: Any, plugins: list[Entity]
    ) -> Service:
        """Route the request and run its plugins; the service that it may go to. Raises
        _ResponseError."""
        if exchange.method == "TRACE":
            refusal = nginx_error(
                405, exchange.request.header("accept"), exchange.request_id
            )
            raise _ResponseError(
                replace(
                    refusal, headers=(*refusal.headers, ("Connection", "close"))
                )
            )
        view = self._view()
        exchange.balancer = self._balancing(view)
        exchange.credentials = view.credentials
        plugins[:] = everywhere(self._by_scope(view))
        for plugin in plugins:
            if plugin["config"].get("rewrite"):
                self._script(exchange, tables, plugin, "rewrite")
        self._hop_by_hop.begin(exchange, tables)
        exchange.match = self._routes(view).match(
            exchange.request, exchange.scheme, exchange.port, exchange.path
        )
        if exchange.match is None:
            raise _ResponseError(
                self._error(exchange, 404, "no Route matched with those values")
            )
        self._check_protocol(exchange)
        service = exchange.match.service
        route = exchange.match.route
        exchange.upstream_path = uri.escaped(
            upstream_path(
                service["path"] if service else None,
                exchange.path,
                exchange.match.prefix,
                strip=route["strip_path"],
            )
        )
        plugins.clear()
        stopped: _ResponseError | None = None
        for plugin in self._plugins(exchange, view):
            plugins.append(
                plugin
            )  # plugins behind the answering plugin see the answer, too
            if stopped is None:
                try:
                    self._run(exchange, tables, plugin, view)
                except _ResponseError as stop:
                    stopped = stop
        if stopped:
            raise stopped
        if service is None:
            raise _ResponseError(
                self._error(exchange, 503, "no Service found with those values")
            )
        return service

    def _check_protocol(self, exchange: Exchange) -> None:
        assert exchange.match is not None
        route = exchange.match.route
        protocols = set(route["protocols"])
        if protocols <= {"grpc", "grpcs"}:
            grpc = (exchange.request.header("content-type") or "").startswith(
                "application/grpc"
            )
            upgrade = (("connection", "Upgrade"), ("upgrade", "HTTP/2"))
            if grpc:
                raise _ResponseError(
                    self._error(
                        exchange, 426, "Please use HTTP2 protocol", *upgrade
                    )
                )
            raise _ResponseError(
                self._error(
                    exchange, 415, "Non-gRPC request matched gRPC route"
                )
            )
        if exchange.scheme == "https" or "http" in protocols:
            return
        status = route["https_redirect_status_code"]
        if status in _REDIRECTS:
            raise _ResponseError(
                html_page(
                    status,
                    f"https://{exchange.request.host}{exchange.request.target}",
                )
            )
        tls = (("Connection", "Upgrade"), ("Upgrade", "TLS/1.2, HTTP/1.1"))
        raise _ResponseError(
            self._error(exchange, 426, "Please use HTTPS protocol", *tls)
        )

    def _view(self) -> View:
        return View(*self._store.seen(*self._lags()))

    def _routes(self, view: View) -> Router:
        routes = view.routes.tables["routes"]
        services = view.routes.tables["services"]
        known = self._router
        if known is None or known[0] is not routes or known[1] is not services:
            known = self._router = routes, services, Router(routes, services)
        return known[2]

    def _balancing(self, view: View) -> Balancer:
        upstreams = view.routes.tables["upstreams"]
        targets = view.routes.tables["targets"]
        known = self._balancer
        if (
            known is None
            or known[0] is not upstreams
            or known[1] is not targets
        ):
            known = self._balancer = (
                upstreams,
                targets,
                Balancer(upstreams, targets),
            )
        return known[2]

    def _peers(
        self, exchange: Exchange, service: Service
    ) -> tuple[bool, list[Peer]]:
        """Return the addresses to try, in order, and whether an Upstream chose them.

        Raises UpstreamError if a Service at an IP address got a name, which Kong never resolves.
        """
        host = (
            service["host"]
            if exchange.target_host is None
            else exchange.target_host
        )
        port = (
            service["port"]
            if exchange.target_port is None
            else exchange.target_port
        )
        if rules.host_kind(service["host"]) != "name":
            if rules.host_kind(host) == "name":
                raise UpstreamError(500)
        elif host in exchange.balancer:
            return True, exchange.balancer.peers(host)
        return False, [Peer(host, port, host)]

    def _by_scope(self, view: View) -> Mapping[Any, Entity]:
        table = view.plugins.tables["plugins"]
        known = self._scoped
        if known is None or known[0] is not table:
            known = self._scoped = table, by_scope(table.values())
            self._functions.forget()
        return known[1]

    def _plugins(self, exchange: Exchange, view: View) -> Iterator[Entity]:
        """Return the plugins of a request in their order: of each name the plugin with the most
        specific scope."""
        assert exchange.match is not None
        scoped = self._by_scope(view)
        route = exchange.match.route["id"]
        service = (
            exchange.match.service["id"] if exchange.match.service else None
        )
        for name in ORDER:
            consumer = exchange.consumer["id"] if exchange.consumer else None
            for scope in scopes(route, service, consumer):
                plugin = scoped.get((name, *scope))
                if plugin:
                    yield plugin
                    break

    def _run(
        self, exchange: Exchange, tables: Any, plugin: Entity, view: View
    ) -> None:
        config = plugin["config"]
        try:
            if plugin["name"] == "jwt":
                denied = jwt.access(exchange, config, view.credentials)
                if denied:
                    raise _ResponseError(
                        termination.json_response(
                            denied.status, denied.body, denied.headers
                        ),
                        "exit",
                    )
            elif other := self._other_plugins.get(plugin["name"]):
                if answered := other.access(exchange, plugin):
                    raise _ResponseError(answered, "exit")
            elif plugin["name"] == "request-termination":
                ended = termination.access(exchange, config)
                if (
                    ended
                ):  # with the headers that earlier plugins set for any answer
                    raise _ResponseError(
                        replace(
                            ended,
                            headers=(
                                *ended.headers,
                                *exchange.response_headers,
                            ),
                        ),
                        "exit",
                    )
            else:
                self._script(exchange, tables, plugin, "access")
        except (jwt.InternalServerError, RuntimeError):
            raise _ResponseError(self._error(exchange, 500)) from None

    def _script(
        self, exchange: Exchange, tables: Any, plugin: Entity, phase: str
    ) -> None:
        try:
            answered = self._functions.run(exchange, tables, plugin, phase)
        except RuntimeError:
            raise _ResponseError(self._error(exchange, 500)) from None
        if answered:
            assert exchange.exit is not None
            raise _ResponseError(exchange.exit, "exit")

    def _filtered(
        self,
        exchange: Exchange,
        tables: Any,
        plugins: list[Entity],
        response: Response,
    ) -> Response:
        """header_filter and body_filter of the plugins that the request met; a script's error
        breaks the answer."""
        exchange.response_headers[:] = response.headers
        exchange.status = response.status
        exchange.answered = response.body
        for plugin in plugins:
            if other := self._other_plugins.get(plugin["name"]):
                other.header_filter(exchange, plugin)
            elif plugin["config"].get("header_filter"):
                self._functions.run(exchange, tables, plugin, "header_filter")
        for plugin in plugins:
            if plugin["config"].get("body_filter"):
                self._functions.run(exchange, tables, plugin, "body_filter")
        framed = (
            header
            for header in exchange.response_headers
            if header[0].lower() != "content-length"
        )
        return Response(exchange.status, tuple(framed), exchange.answered)

    def _log(
        self, exchange: Exchange, tables: Any, plugins: list[Entity]
    ) -> None:
        """Run the log phase of the request's plugins. It ends with the first error.

        Source: kong/init.lua (execute_collected_plugins_iterator).
        """
        with suppress(RuntimeError):
            for plugin in plugins:
                if other := self._other_plugins.get(plugin["name"]):
                    self._functions.set_custom_fields(exchange, tables, plugin)
                    other.log(exchange, plugin)
                elif plugin["config"].get("log"):
                    self._functions.run(exchange, tables, plugin, "log")

    def _own(
        self,
        exchange: Exchange,
        response: Response,
        *,
        close: bool = False,
        upstream: UpstreamRequest | None = None,
    ) -> Answer:
        """Return an answer of Kong's own."""
        marks: list[Header] = [
            *([("Connection", "close")] if close else []),
            ("X-Kong-Response-Latency", "0"),
            ("Server", f"kong/{self._version}"),
            ("X-Kong-Request-Id", exchange.request_id),
        ]
        return Answer(
            response.status,
            [*response.headers, *marks],
            response.body,
            upstream,
        )

    def _passed_on(self, exchange: Exchange, response: Response) -> Response:
        dropped = {
            "connection",
            "keep-alive",
            "transfer-encoding",
            "content-length",
            "upgrade",
            "trailer",
        }
        via: list[str] = []
        headers: list[Header] = []
        for name, value in response.headers:
            if name.lower() == "via":
                via.append(value)
            elif name.lower() not in dropped:
                headers.append((name, value))
        passed = {name.lower() for name, _ in headers}
        for name, value in exchange.response_headers:
            if name.lower() not in passed:
                headers.append((name, value))
        headers += [
            ("X-Kong-Upstream-Latency", "0"),
            ("X-Kong-Proxy-Latency", "0"),
            ("Via", ", ".join([*via, f"1.1 kong/{self._version}"])),
            ("X-Kong-Request-Id", exchange.request_id),
        ]
        return Response(response.status, tuple(headers), response.body)

    def _upstream_request(
        self,
        exchange: Exchange,
        service: Service,
        peer: Peer,
        listed: frozenset[str],
    ) -> UpstreamRequest:
        """Build the request that leaves Kong, in nginx's order: nginx's headers first, then the
        client's.

        `listed` are headers that Kong deletes, also if plugins set them. The body is sent even if
        its length is deleted. A real Kong sends such a body only if a plugin has read it, and
        otherwise parses it as the next request.
        """
        assert exchange.match is not None
        request = exchange.request
        query = exchange.query
        target = exchange.upstream_path + (f"?{query}" if query else "")
        version = "1.1" if request.minor else "1"
        default = {"http": 80, "https": 443}.get(service["protocol"])
        named = (
            peer.name if peer.port == default else f"{peer.name}:{peer.port}"
        )
        host = exchange.upstream_host or (
            exchange.http_host
            if exchange.match.route["preserve_host"]
            else named
        )
        prefix = (
            exchange.match.prefix if exchange.match.route["strip_path"] else ""
        )
        via = (*exchange.values("via"), f"{version} kong/{self._version}")
        forwarded_for = (*exchange.values("x-forwarded-for"), request.peer)
        headers: list[Header] = [("Via", ", ".join(via)), ("Host", host)]
        if "websocket" in (
            value.lower() for value in exchange.values("upgrade")
        ):
            headers.append(("Upgrade", "websocket"))
            headers.append(("Connection", "keep-alive, Upgrade"))
        else:
            headers.append(("Connection", "keep-alive"))
        headers += [
            ("X-Forwarded-For", ", ".join(forwarded_for)),
            ("X-Forwarded-Proto", exchange.scheme),
            ("X-Forwarded-Host", request.host),
            ("X-Forwarded-Port", str(exchange.port)),
            ("X-Forwarded-Path", exchange.raw_path),
        ]
        if prefix not in ("", "/"):
            headers.append(("X-Forwarded-Prefix", prefix))
        headers.append(("X-Real-IP", exchange.address))
        headers.append(("X-Kong-Request-Id", exchange.request_id))
        if exchange.body and "content-length" not in listed:
            headers.append(("Content-Length", str(len(exchange.body))))
        dropped = _REMADE | listed
        headers += [
            header
            for header in exchange.headers
            if header[0].lower() not in dropped
        ]
        return UpstreamRequest(
            exchange.method,
            target,
            tuple(headers),
            exchange.body,
            peer.host,
            peer.port,
        )
