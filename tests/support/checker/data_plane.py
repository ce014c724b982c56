"""A data plane with chosen views: the proxy of the Kong stand-in with the emitted Lua, on chosen
entities.

The entities that decide about a request are found first (`Seen`), so that each combination is
checked only once.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

from kong_rules.entities import Entity, Snapshot
from kong_rules.kinds import KINDS
from sandbox.kong.http import Request
from sandbox.kong.lua import Functions
from sandbox.kong.proxy import Proxy
from sandbox.kong.router import Router
from sandbox.kong.upstream import (
    NameResolutionError,
    UpstreamRequest,
    accept_all,
)

VERSION = "3.10.0"
PORT = 8000
FORGED = "X-Original-URL"
"""A header that no caller may send to a workload."""
Address = tuple[str, int]
Chosen = tuple[str, Entity]
"""An entity and its kind."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The entities that decide about the requests to one host and path, each in one version."""

    entities: tuple[Chosen, ...]

    @property
    def versions(self) -> tuple[int, ...]:
        """The key by which equal views are found."""
        return tuple(id(entity) for _, entity in self.entities)


class Plane:
    """A node that answers by the entities that it sees. The machine's clock gives the time; `known`
    are the addresses with a workload."""

    def __init__(self, known: Set[Address]) -> None:
        self.forged = False
        self._seen = _tables({})
        self._known = known
        # A store that shows the proxy the same entities in each view: versions are chosen before.
        self._proxy = Proxy(self, VERSION, time.time, lambda: (0.0, 0.0, 0.0))  # type: ignore[arg-type]
        self._proxy._functions = _Compiled(VERSION)

    def seen(self, *lags: float) -> tuple[Snapshot, ...]:
        return tuple(self._seen for _ in lags)

    def show(self, seen: Seen) -> None:
        """Answer requests by these entities from now on."""
        found: dict[str, list[Entity]] = {}
        for kind, entity in seen.entities:
            found.setdefault(kind, []).append(entity)
        self._seen = _tables(found)

    def ask(self, raw: bytes) -> Address | int:
        """Return the end of a request: an address or a status. `forged`: a client's header that
        admission removes arrived there."""
        answer = self._proxy.handle(raw, "http", PORT, self._sent)
        return (
            (answer.upstream.host, answer.upstream.port)
            if answer.status == 200 and answer.upstream
            else answer.status
        )

    def _sent(self, request: UpstreamRequest, service: Entity) -> Any:
        if (request.host, request.port) not in self._known:
            raise NameResolutionError
        self.forged = any(
            name.lower() == FORGED.lower() for name, _ in request.headers
        )
        return accept_all(request, service)


class _Compiled(Functions):
    """Cache compiled plugins by version: versions change more often here than in a Kong."""

    def _steps(self, plugin: Entity, phase: str, codes: list[str]) -> Any:
        key = str(id(plugin)), phase
        if key not in self._compiled:
            super()._steps(plugin, phase, codes)
            self._compiled[key] = self._compiled.pop((plugin["id"], phase))
        return self._compiled[key][1]

    def forget(self) -> None:
        pass


def _tables(entities: Mapping[str, Iterable[Entity]]) -> Snapshot:
    return Snapshot(
        {
            kind: {entity["id"]: entity for entity in entities.get(kind, ())}
            for kind in KINDS
        }
    )


def takes(route: Entity, host: str, path: str) -> bool:
    """Return whether requests to the host and path could reach the route if it were the only route."""
    service = {"id": "s", "enabled": True}
    alone = {**route, "service": service}
    return _matched([alone], {"s": service}, host, path) is not None


def winners(
    routes: Iterable[Entity],
    services: Mapping[str, Entity],
    host: str,
    path: str,
) -> Iterator[Entity]:
    """Yield the routes that may take the requests. Among routes of one priority Kong takes any."""
    all_of = list(routes)
    for first in all_of:
        # The stand-in takes the oldest route of a priority, so each route is the oldest once.
        aged = [
            {**route, "created_at": 0 if route is first else 1}
            for route in all_of
        ]
        match = _matched(aged, services, host, path)
        if match and match["id"] == first["id"]:
            yield first


def _matched(
    routes: Iterable[Entity],
    services: Mapping[str, Entity],
    host: str,
    path: str,
) -> Entity | None:
    router = Router({route["id"]: route for route in routes}, services)
    match = router.match(
        Request("GET", path, 1, (("Host", host),), b"", ""), "http", PORT, path
    )
    return match.route if match else None
