"""The fate of each old route, consumer and plugin, as a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, product
from typing import Literal

from kong_oam.access.data import Names
from kong_oam.access.model import METHODS
from kong_oam.adopt.acting import Reason
from kong_oam.adopt.entities import OldKong, OldRoute
from kong_oam.adopt.expressions import texts_of
from kong_oam.adopt.router import BEYOND_TEXTS
from kong_oam.adopt.writing.cells import declared_texts, elements
from kong_oam.adopt.writing.components import Components, placeholders
from kong_oam.adopt.writing.hosts import is_adoptable, may_match
from kong_oam.adopt.writing.judge import Region
from kong_oam.adopt.writing.options import Options
from kong_oam.adopt.writing.outcomes import NOTHING
from kong_oam.adopt.writing.plan import Planned
from kong_oam.adopt.writing.regions import Plan, declaring
from kong_oam.adopt.writing.rules import Part
from kong_oam.adopt.writing.sites import KEPT
from kong_oam.diagnostics import Position

Status = Literal["adopted", "partly", "left", "closed"]


def place(position: Position) -> str:
    """Return `file:line`, or the address of an entity in a running Kong."""
    if not position.line:
        return str(position)
    return f"{position.file}:{position.line}"


@dataclass(frozen=True, slots=True)
class RouteEntry:
    """An old route: its place, its fate, and why it is not adopted as a whole."""

    name: str
    place: str
    status: Status
    reasons: Names = ()


@dataclass(frozen=True, slots=True)
class ClosedEntry:
    """Requests that passed before and that the new side denies, while old and new run together.

    `callers`: the names of groups or consumers; empty for everybody.
    """

    host: str
    path: str
    methods: Names
    callers: Names
    route: str
    place: str
    why: str


@dataclass(frozen=True, slots=True)
class Note:
    """An entity with a place, and a sentence about it."""

    name: str
    place: str
    text: str


@dataclass(slots=True)
class Report:
    """Everything that the files do not say.

    `takes_http`: some adopted route takes plain http. `heads`: the number of kinds of requests
    where HEAD passes because GET does. `authorities`: names that the stack's CA has to verify.
    """

    sources: Names
    routes: list[RouteEntry] = field(default_factory=list)
    closed: list[ClosedEntry] = field(default_factory=list)
    consumers: list[Note] = field(default_factory=list)
    plugins: list[Note] = field(default_factory=list)
    authorities: Names = ()
    placeholders: Names = ()
    heads: int = 0
    takes_http: bool = False
    components: int = 0
    clients: int = 0

    def count(self, status: Status) -> int:
        """Return the number of routes with a status."""
        return sum(each.status == status for each in self.routes)


def report_of(
    planned: Planned, components: Components, options: Options
) -> Report:
    """Return the report of a plan and its components."""
    old = planned.old
    report = Report(old.sources)
    report.components = len(components.names)
    report.clients = len(components.clients)
    fates = _fates(planned)
    for route in old.routes:
        entry = _entry(route, fates.get(route), planned, options)
        report.routes.append(entry)
        status = report.routes[-1].status
        is_adopted = status in ("adopted", "partly")
        report.takes_http |= is_adopted and "http" in route.protocols
    report.closed = [*_closed(planned)]
    report.consumers = [*_consumers(old, components)]
    report.plugins = [
        Note(plugin.label, place(plugin.position), why)
        for plugin, why in components.carried.dropped.items()
    ]
    report.authorities = tuple(_authorities(components))
    hosts = placeholders(components.upstreams.values())
    report.placeholders = tuple(dict.fromkeys(hosts))
    for plan in planned.plans:
        for part in plan.all_parts:
            report.heads += bool(part.more) and part.method == "HEAD"
    return report


def _with_place(reason: Reason) -> str:
    return f"{reason.text} ({place(reason.position)})"


@dataclass(slots=True)
class _Fate:
    """The fate of the requests of a route."""

    kept: int = 0
    lost: int = 0
    left: int = 0
    reasons: dict[str, None] = field(default_factory=dict)

    def add(self, reason: Reason) -> None:
        self.reasons[_with_place(reason)] = None


def _routes_at(
    region: Region, by_place: Mapping[str, OldRoute]
) -> list[OldRoute]:
    """Return the routes that answer requests of a region, or may answer them."""
    routes = set()
    for _, by_method in region.cells:
        for outcome in by_method.values():
            if outcome.route is not None and not outcome.is_nothing:
                routes.add(outcome.route)
            for reason in outcome.reasons:
                route = by_place.get(place(reason.position))
                if route is not None:
                    routes.add(route)
    return sorted(routes, key=lambda each: each.name)


def _fates(planned: Planned) -> dict[OldRoute, _Fate]:
    fates: dict[OldRoute, _Fate] = {}
    by_place = {place(each.position): each for each in planned.old.routes}
    for plan in planned.plans:
        for part in _parts(plan):
            if part.outcome.route is None:
                continue
            fate = fates.setdefault(part.outcome.route, _Fate())
            fate.kept += bool(part.kept)
            if _is_closed(part):
                fate.lost += 1
                fate.reasons[part.why] = None
        for region in plan.regions.values():
            if region.left and plan.owner(region.path) is None:
                for route in _routes_at(region, by_place):
                    fate = fates.setdefault(route, _Fate())
                    fate.left += 1
                    for reason in region.left:
                        fate.add(reason)
    return fates


def _parts(plan: Plan) -> Iterator[Part]:
    for parts in plan.parts.values():
        yield from parts


def _is_closed(part: Part) -> bool:
    # HEAD counts as GET.
    return bool(part.lost) or (not part.kept and bool(part.why))


def _entry(
    route: OldRoute, fate: _Fate | None, planned: Planned, options: Options
) -> RouteEntry:
    where = place(route.position)
    if not route.is_http:
        return RouteEntry(
            route.name, where, "left", ("it takes no HTTP requests",)
        )
    if fate is None or not (fate.kept or fate.lost or fate.left):
        why = _silent(route, planned, options)
        return RouteEntry(route.name, where, "left", (why,))
    reasons = tuple(fate.reasons)
    if fate.kept:
        status: Status = "partly" if fate.lost or fate.left else "adopted"
    else:
        status = "left" if fate.left else "closed"
    return RouteEntry(route.name, where, status, reasons)


def _silent(route: OldRoute, planned: Planned, options: Options) -> str:
    """Return why no adopted path has a request of the route."""
    others = [host for host in route.hosts if not is_adoptable(host)]
    if others:
        return f"its host '{others[0]}' has no form in an Application"
    if not route.hosts and not options.hosts:
        return "it has no host; name one by --host"
    texts = declared_texts([route])
    strange = [text for text in texts if elements(text) is None]
    if strange:
        return f"no rule can name its path '{strange[0]}'"
    if route.service is not None and not route.service.enabled:
        return "its service is disabled"
    expressions = [path[1:] for path in route.paths if path.startswith("~")]
    if any(texts_of(expression) is None for expression in expressions):
        return BEYOND_TEXTS
    return _winner(route, planned) or "no request passes it"


def _winner(route: OldRoute, planned: Planned) -> str:
    """Return which other route takes requests for the route's own paths, or may take them; empty
    without another route."""
    methods = route.methods or METHODS
    own = sorted(declaring([route])[route])
    for plan in planned.plans:
        if not may_match(route, plan.host):
            continue
        regions = [plan.regions[path] for path in own if path in plan.regions]
        cells = chain.from_iterable(region.cells for region in regions)
        for (_, by_method), method in product(cells, methods):
            outcome = by_method.get(method, NOTHING)
            winner = outcome.route
            if outcome.reasons:
                return _with_place(outcome.reasons[0])
            if winner is not None and winner is not route:
                text = f"route '{winner.name}' takes its requests"
                return _with_place(Reason(text, winner.position))
    return ""


def _closed(planned: Planned) -> Iterator[ClosedEntry]:
    for plan in planned.plans:
        together: dict[tuple[str, str, Names, str, str], list[str]] = {}
        for part in _parts(plan):
            route = part.outcome.route
            if route is None or not _is_closed(part):
                continue
            names = {each.name for each in part.lost if not each.is_public}
            key = (
                part.cell.words,
                route.name,
                tuple(sorted(names)),
                place(route.position),
                part.why,
            )
            together.setdefault(key, []).append(part.method)
        for (path, name, callers, where, why), methods in sorted(
            together.items()
        ):
            ordered = tuple(each for each in METHODS if each in methods)
            yield ClosedEntry(
                plan.host, path, ordered, callers, name, where, why
            )


def _consumers(old: OldKong, components: Components) -> Iterator[Note]:
    adopted = {name for name, _ in components.clients}
    for consumer in old.consumers:
        if consumer.name in adopted:
            continue
        kinds = [kind for kind in consumer.kinds if kind in KEPT]
        text = "no adopted path accepts its credential"
        if not consumer.kinds:
            text = "it has no credential"
        elif not kinds:
            listed = " and ".join(consumer.kinds)
            text = f"a client cannot keep its {listed}; it needs tokens"
        yield Note(consumer.name, place(consumer.position), text)


def _authorities(components: Components) -> Iterator[str]:
    for entry in components.upstreams.values():
        if entry.get("scheme") != "http":
            yield entry.get("serverName") or entry["host"]
