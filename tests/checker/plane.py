"""A data plane that sees what it is told to: the proxy of the Kong stand-in, the emitted Lua included, on chosen entities.

Which entities decide about a request is found first (`Seen`), so that each combination of them is asked but once, however
many moments show it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sandbox.kong.http import Request
from sandbox.kong.proxy import Answer, Proxy
from sandbox.kong.router import Router
from sandbox.kong.store import KINDS, Entity, Snapshot
from sandbox.kong.upstream import accept_all

VERSION = "3.10.0"
PORT = 8000
Entities = Sequence[Entity]


@dataclass(frozen=True, slots=True)
class Seen:
    """All that decides about the requests to one host and path: the route that takes them, its service, the plugins on
    either, and the consumers and credentials that may be asked for. Two are equal where they are the same versions."""

    route: Entity = field(compare=False)
    service: Entity = field(compare=False)
    plugins: Entities = field(compare=False)
    consumers: Entities = field(compare=False)
    credentials: Entities = field(compare=False)
    versions: tuple[int, ...] = ()

    @staticmethod
    def of(route: Entity, service: Entity, plugins: Entities, consumers: Entities, credentials: Entities) -> Seen:
        versions = tuple(map(id, (route, service, *plugins, *consumers, *credentials)))
        return Seen(route, service, plugins, consumers, credentials, versions)


class Plane:
    """Answers by what it sees. Times are judged by the machine's clock."""

    def __init__(self) -> None:
        self._seen = _tables({})
        # A store for the proxy that shows each view the same: the choice of versions has been made before.
        self._proxy = Proxy(self, VERSION, time.time, lambda: (0.0, 0.0, 0.0))  # type: ignore[arg-type]

    def seen(self, *lags: float) -> tuple[Snapshot, ...]:
        return tuple(self._seen for _ in lags)

    def show(self, seen: Seen) -> None:
        """What requests are answered by from now on."""
        self._seen = _tables(
            {
                "routes": [seen.route],
                "services": [seen.service],
                "plugins": seen.plugins,
                "consumers": seen.consumers,
                "jwt_secrets": seen.credentials,
            }
        )

    def ask(self, raw: bytes, scheme: str = "http") -> Answer:
        return self._proxy.handle(raw, scheme, PORT, accept_all)


def _tables(entities: Mapping[str, Iterable[Entity]]) -> Snapshot:
    return Snapshot({kind: {one["id"]: one for one in entities.get(kind, ())} for kind in KINDS})


def takes(route: Entity, host: str, path: str) -> bool:
    """Whether requests to the host and path could reach the route, were it alone."""
    service = {"id": "s", "enabled": True}
    alone = {**route, "service": service}
    return _matched([alone], {"s": service}, host, path) is not None


def winners(routes: Iterable[Entity], services: Mapping[str, Entity], host: str, path: str) -> Iterator[Entity]:
    """The routes that may take the requests: one, or those of one priority, of which Kong takes any."""
    all_of = list(routes)
    for first in all_of:
        # The stand-in takes the oldest of those of one priority, so that each is the oldest once.
        aged = [{**one, "created_at": 0 if one is first else 1} for one in all_of]
        match = _matched(aged, services, host, path)
        if match and match["id"] == first["id"]:
            yield first


def _matched(routes: Iterable[Entity], services: Mapping[str, Entity], host: str, path: str) -> Entity | None:
    router = Router({one["id"]: one for one in routes}, services)
    match = router.match(Request("GET", path, 1, (("Host", host),), b"", ""), "http", PORT, path)
    return match.route if match else None
