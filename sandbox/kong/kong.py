"""The Kong stand-in as a whole: an Admin API and a proxy over one store."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from sandbox.kong.admin import AdminApi
from sandbox.kong.http import Server
from sandbox.kong.store import Entity, Store

Resolve = Callable[[str, int], tuple[str, int] | None]


@dataclass(frozen=True, slots=True)
class Lags:
    """How late the data plane sees each kind of entity, in seconds: Kong rebuilds each on a timer of its own."""

    routes: float = 0.0
    plugins: float = 0.0
    credentials: float = 0.0


def resolve_by_name(host: str, port: int) -> tuple[str, int] | None:
    """The address of an upstream by the system's own resolver; None where the name does not exist."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return None
    return found[0][4][0], port  # type: ignore[return-value]


class Kong:
    """A stand-in for a Kong 3.10 OSS node, on 127.0.0.1.

    `admin_token`, where set, must come with every Admin API request; `configuration` overrides what `GET /` reports;
    `resolve` finds upstreams (None: no such name); `now` is the clock of tokens and of created_at (Unix seconds),
    `clock` the one that lags are measured by (seconds).
    """

    def __init__(
        self,
        admin_port: int = 0,
        proxy_port: int = 0,
        lags: Lags = Lags(),
        admin_token: str | None = None,
        configuration: Mapping[str, Any] | None = None,
        version: str = "3.10.0",
        resolve: Resolve = resolve_by_name,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.lags = lags
        self._ports = (admin_port, proxy_port)
        self._store = Store(now, clock)
        self._admin = AdminApi(self._store, version, configuration or {}, admin_token)
        self._servers: list[Server] = []
        self._resolve = resolve

    def start(self) -> None:
        """Begin to listen; the URLs are known from then on."""
        self._servers = [Server(self._ports[0], self._admin.answer)]

    def stop(self) -> None:
        """Close all listeners and connections. The entities stay."""
        for server in self._servers:
            server.stop()
        self._servers = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()

    @property
    def admin_url(self) -> str:
        return f"http://127.0.0.1:{self._servers[0].port}"

    @property
    def proxy_url(self) -> str:
        return f"http://127.0.0.1:{self._servers[1].port}"

    def entities(self, kind: str) -> list[Entity]:
        """All entities of a kind (services, routes, plugins, consumers, jwt_secrets), oldest first."""
        return sorted(self._store.current.tables[kind].values(), key=lambda one: (one["created_at"], one["id"]))
