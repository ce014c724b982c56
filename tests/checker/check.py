"""Whether a run ever let a request through that neither the model before it nor the one after it allows.

Every class of requests (hosts and paths that either model tells apart, methods, tokens) is asked at every combination of
views that can come together while the run goes on, stops half-way, or is over: the real proxy of the stand-in with the
emitted Lua answers, and `access.decide` says what it may. Allowed is what reaches the workload that it is meant for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from access.decide import Request, answer, component_of, host_patterns
from access.model import Estate
from access.partition import Hosts, sites_of
from access.paths import read, written
from access.tokens import KeyRing
from components.gateway import names
from sandbox.kong import uri
from sandbox.kong.store import Entity
from tests.checker.history import Replay, Write
from tests.checker.order import members
from tests.checker.plane import Plane, Seen, takes, winners

METHODS = ("GET", "POST", "DELETE")
UNREADABLE = "/..%2fx"
"""Appended to a path, two servers could read it differently: nobody may have it."""

Address = tuple[str, int]
Target = tuple[str, str]
"""Host and path as a client writes them."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with a token, or without one (`token` is then empty); `kid` is the key that it is signed with."""

    name: str
    token: str = ""
    kid: str = ""

    @property
    def authorization(self) -> tuple[str, ...]:
        return (f"Bearer {self.token}",) if self.token else ()


@dataclass(frozen=True)
class Meaning:
    """One model of a stack: who may call what, and where the workloads are, by the names of Kong's services.

    A component may be at two addresses in two models; it is the same workload, and what counts is which one it is.
    """

    estate: Estate
    rings: Mapping[str, KeyRing]
    workloads: Mapping[str, Address]

    @cached_property
    def _answers(self) -> dict[tuple[Target, str, str], str | None]:
        return {}

    def allows(self, target: Target, method: str, caller: Caller, now: float) -> str | None:
        """The workload that the request may reach, by the name of its service; None where it may reach none."""
        key = target, method, caller.token
        if key not in self._answers:
            request = Request(method, target[0], target[1].encode())
            allowed = answer(self.estate, request, caller.authorization, self.rings, now).allowed
            self._answers[key] = self._workload(target) if allowed else None
        return self._answers[key]

    def _workload(self, target: Target) -> str:
        path = read(target[1].encode())
        component = component_of(self.estate, target[0], path)
        assert component is not None
        leading = (self.estate.leading(pattern, path) for pattern in host_patterns(target[0]))
        endpoint, _ = next(found for found in leading if found)
        return names.service(self.estate.stack.name, component, endpoint.port)


@dataclass(frozen=True, slots=True)
class Finding:
    """A request that was let through and should not have been, or was turned away and should not: who sent what, where
    it ended (a workload's address, or a status), and what each view showed of the run at that moment."""

    target: Target
    method: str
    caller: str
    ended: Address | int
    seen: str

    def __str__(self) -> str:
        where = "".join(self.target)
        return f"{self.method} {where} by {self.caller} ended at {self.ended}, where {self.seen}"


@dataclass(slots=True)
class Report:
    """`opened` breaks the promise; `closed` is an outage: both models allow the call, and it was refused all the same.
    One finding for each request. `asked` are requests, `reached` those that came to a workload, `moments` combinations of
    views."""

    opened: list[Finding] = field(default_factory=list)
    closed: list[Finding] = field(default_factory=list)
    asked: int = 0
    reached: int = 0
    moments: int = 0

    def __str__(self) -> str:
        return "\n".join(map(str, [*self.opened[:10], *self.closed[:10]]))


def check(replay: Replay, models: Sequence[Meaning], callers: Sequence[Caller], now: float) -> Report:
    """Holds a run against the models that it leads from and to (or past: several runs in a row)."""
    report = Report()
    run = _Run(replay)
    for target in targets(models):
        scene = run.scene(target)
        for kid in sorted({caller.kid for caller in callers}):
            with_it = [caller for caller in callers if caller.kid == kid]
            for seen, moment in scene.moments(kid, report):
                _ask(run.plane, target, seen, moment, with_it, models, now, report)
    return report


def targets(models: Sequence[Meaning]) -> Iterator[Target]:
    """A request for every class of hosts and paths that some model tells apart, and one that nobody may read."""
    sites = [Hosts(model.estate) for model in models]
    for name, spots in sites_of(*sites):
        for spot in spots:
            hosts = (site.host(name, spot.path) for site in sites)
            host = next(found for found in hosts if found)
            yield host, written(spot.path)
        yield host, written(spots[0].path).rstrip("/") + UNREADABLE


def _ask(
    plane: Plane,
    target: Target,
    seen: Seen,
    moment: str,
    callers: Iterable[Caller],
    models: Sequence[Meaning],
    now: float,
    report: Report,
) -> None:
    plane.show(seen)
    for method in METHODS:
        for caller in callers:
            report.asked += 1
            lines = [f"{method} {target[1]} HTTP/1.1", f"Host: {target[0]}"]
            lines += [f"Authorization: {value}" for value in caller.authorization]
            answered = plane.ask("\r\n".join([*lines, "", ""]).encode())
            reached = (answered.upstream.host, answered.upstream.port) if answered.upstream else None
            meant = [model.allows(target, method, caller, now) for model in models]
            ended = reached or answered.status
            report.reached += reached is not None
            if reached and not any(reached == model.workloads.get(name) for name in meant if name for model in models):
                report.opened.append(Finding(target, method, caller.name, ended, moment))
            elif not reached and all(meant) and len(set(meant)) == 1:
                report.closed.append(Finding(target, method, caller.name, ended, moment))


class _Run:
    """A replay, cut into what decides about each target."""

    def __init__(self, replay: Replay) -> None:
        self.replay, self.order, self.plane = replay, replay.order, Plane()
        self.versions: dict[str, list[Entity]] = {}
        for kind, table in replay.start.tables.items():
            self.versions[kind] = list(table.values())
        for operation in replay.operations:
            for write in operation.writes:
                if write.after is not None:
                    self.versions[write.kind].append(write.after)
        self._views: dict[tuple[int, ...], tuple[tuple[int, ...], ...]] = {}
        self._states: dict[tuple[str, frozenset[str], int], dict[str, Entity]] = {}

    def scene(self, target: Target) -> _Scene:
        path = uri.normalized(target[1])
        routes = {one["id"]: one for one in self.versions["routes"] if takes(one, target[0], path)}
        services = {one["service"]["id"] for one in self.versions["routes"] if one["id"] in routes}
        return _Scene(self, target, path, frozenset(routes), frozenset(services))

    def mask(self, kind: str, ids: frozenset[str]) -> int:
        """The operations that write entities of a kind, of these ids."""
        return sum(
            1 << number
            for number, operation in enumerate(self.replay.operations)
            if any(write.kind == kind and write.entity["id"] in ids for write in operation.writes)
        )

    def views(self, *masks: int) -> tuple[tuple[int, ...], ...]:
        """As Order.views; kept, since many targets are decided by the same operations."""
        if masks not in self._views:
            self._views[masks] = tuple(self.order.views(*masks))
        return self._views[masks]

    def state(self, kind: str, ids: frozenset[str], done: int) -> dict[str, Entity]:
        """The entities of these ids after the operations of `done`."""
        key = kind, ids, done
        if key not in self._states:
            table = {one: entity for one, entity in self.replay.start.tables[kind].items() if one in ids}
            for number in members(done):
                for write in self.replay.operations[number].writes:
                    if write.kind == kind and write.entity["id"] in ids:
                        _apply(table, write)
            self._states[key] = table
        return self._states[key]


def _apply(table: dict[str, Entity], write: Write) -> None:
    if write.after is None:
        table.pop(write.entity["id"], None)
    else:
        table[write.entity["id"]] = write.after


@dataclass(frozen=True, slots=True)
class _Scene:
    """What may decide about one target in a run: routes that may take it, and the services that these lead to."""

    run: _Run
    target: Target
    path: str
    routes: frozenset[str]
    services: frozenset[str]

    def moments(self, kid: str, report: Report) -> Iterator[tuple[Seen, str]]:
        """Each combination of versions that can be seen together, once, with words for a moment at which it is."""
        run = self.run
        plugins = frozenset(one["id"] for one in run.versions["plugins"] if self._concerns(one))
        consumers = frozenset(one["id"] for one in run.versions["consumers"])
        credentials = frozenset(one["id"] for one in run.versions["jwt_secrets"] if one["key"] == kid)
        masks = (
            run.mask("routes", self.routes) | run.mask("services", self.services),
            run.mask("plugins", plugins),
            run.mask("jwt_secrets", credentials) | (run.mask("consumers", consumers) if credentials else 0),
        )
        met: set[tuple[int, ...]] = set()
        for shown in run.views(*masks):
            report.moments += 1
            routed, plugged, known = shown
            services = run.state("services", self.services, routed)
            for route in winners(
                run.state("routes", self.routes, routed).values(), services, self.target[0], self.path
            ):
                service = services[route["service"]["id"]]
                mine = [p for p in run.state("plugins", plugins, plugged).values() if _on(p, route, service)]
                seen = Seen.of(
                    route,
                    service,
                    mine,
                    list(run.state("consumers", consumers, known).values()),
                    list(run.state("jwt_secrets", credentials, known).values()),
                )
                if seen.versions not in met:
                    met.add(seen.versions)
                    yield seen, self._words(shown)

    def _concerns(self, plugin: Entity) -> bool:
        route, service = plugin["route"], plugin["service"]
        if not route and not service:
            return True
        return bool(route and route["id"] in self.routes) or bool(service and service["id"] in self.services)

    def _words(self, shown: tuple[int, ...]) -> str:
        operations = self.run.replay.operations
        parts = []
        for view, done in zip(("routes", "plugins", "credentials"), shown, strict=True):
            listed = ", ".join(operations[number].name for number in members(done)) or "nothing"
            parts.append(f"{view} show: {listed}")
        return "; ".join(parts)


def _on(plugin: Entity, route: Entity, service: Entity) -> bool:
    """Whether the plugin may run for requests on the route."""
    on_route = plugin["route"] is None or plugin["route"]["id"] == route["id"]
    on_service = plugin["service"] is None or plugin["service"]["id"] == service["id"]
    return on_route and on_service
