"""Choose the paths of a host that the new side exposes, and the component behind each path.

A path is exposed if an Application can express the answers to its requests. Otherwise the old route
keeps it, and all paths above it: our route to a shorter path would take its requests, too.

Some requests reach a route outside the route's own paths, and may be closed. For example,
`/api/login` goes to the route of `/` because another route has only `/api/login/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from kong_oam.access.compile.exposure import DEEPEST, DEEPEST_BELOW_WILDCARD
from kong_oam.access.data import PathSegments
from kong_oam.access.paths import within, written
from kong_oam.adopt.acting import Reason
from kong_oam.adopt.entities import OldPlugin, OldRoute
from kong_oam.adopt.path_text import escaped
from kong_oam.adopt.writing.addresses import Address
from kong_oam.adopt.writing.cells import Cell, declared_texts, elements
from kong_oam.adopt.writing.judge import Cells, Judge, Region
from kong_oam.adopt.writing.outcomes import Holder, Outcome
from kong_oam.adopt.writing.rules import Part, PlannedRule, RuleWriter
from kong_oam.adopt.writing.sites import Votes


def declaring(routes: Iterable[OldRoute]) -> dict[OldRoute, set[PathSegments]]:
    """Return the paths that each route declares itself. A route without paths has the root."""
    own = {}
    for route in routes:
        paths = {elements(text) for text in declared_texts([route])}
        if route.paths and "/" not in route.paths:
            paths.discard(())
        own[route] = {path for path in paths if path is not None}
    return own


@dataclass(slots=True)
class Plan:
    """The regions of a host by path, with the rules and the parts of each exposed region."""

    host: str
    regions: dict[PathSegments, Region] = field(default_factory=dict)
    rules: dict[PathSegments, tuple[PlannedRule, ...]] = field(
        default_factory=dict
    )
    parts: dict[PathSegments, list[Part]] = field(default_factory=dict)

    @property
    def exposed(self) -> list[Region]:
        """The exposed regions, the deepest first."""
        return [self.regions[path] for path in self.rules]

    @property
    def all_parts(self) -> Iterator[Part]:
        """The parts of all exposed regions."""
        return chain.from_iterable(self.parts.values())

    @property
    def holders(self) -> frozenset[Holder]:
        """The callers that some rule lets pass by a credential."""
        rules = chain.from_iterable(self.rules.values())
        held = [rule.permission.holders for rule in rules]
        return frozenset[Holder]().union(*held)

    def owner(self, path: PathSegments) -> Region | None:
        """Return the exposed region that gets the requests of a path, or None."""
        above = [path[:length] for length in range(len(path), -1, -1)]
        found = (each for each in above if each in self.rules)
        nearest = next(found, None)
        return None if nearest is None else self.regions[nearest]


@dataclass(slots=True)
class Chooser:
    """Chooses the exposed paths of one host. `banned`: addresses that it must not expose."""

    host: str
    judge: Judge
    writer: RuleWriter
    own: Mapping[OldRoute, set[PathSegments]]
    banned: Mapping[Address, str]
    closes: bool

    def choose(self, cells: Mapping[PathSegments, Cells]) -> Plan:
        """Return the plan. `cells` has the deepest paths first."""
        plan = Plan(self.host)
        for path, listed in cells.items():
            region = Region(path, listed)
            below = [
                other
                for other in plan.regions.values()
                if within(other.path, path) and plan.owner(other.path) is None
            ]
            # Nobody declares these paths, so their requests belong to a path above.
            for other in below:
                if self.closes or not other.left:
                    region.cells = [*region.cells, *other.cells]
            if self._is_declared(region):
                self._choose(region, below)
            if region.address is not None:
                written_rules = self.writer.write(region)
                if written_rules.rules:
                    plan.rules[path] = written_rules.rules
                    plan.parts[path] = written_rules.parts
                else:
                    region.address = None
                    region.left = [*self._unwritable(region)]
            plan.regions[path] = region
        return plan

    def _is_declared(self, region: Region) -> bool:
        """Return whether some request reaches a route that declares the region's path."""
        return any(
            self._is_own(region, outcome)
            for _, _, outcome in self._passing(region)
        )

    def _choose(self, region: Region, below: list[Region]) -> None:
        votes: Votes[Address | None] = Votes()
        for _, _, outcome in self._passing(region):
            way = outcome.way
            if way and not outcome.reasons and way.address not in self.banned:
                weight = 1 + 1000 * self._is_own(region, outcome)
                votes.add(way.address, weight)
        region.address = votes.winner(None)
        if region.address is None:
            region.left = [*self._why_not(region)]
            return
        self._set_target(region)
        self._set_networks(region)
        most = DEEPEST_BELOW_WILDCARD if "*" in self.host else DEEPEST
        if len(region.path) > most:
            blocked = [*self._why_not(region)]
        elif self.closes and self._has_fit(region):
            return
        else:
            blocked = [*self._blocked(region), *_covered(below)]
        if blocked:
            region.address = None
            region.left = blocked

    def _unwritable(self, region: Region) -> Iterator[Reason]:
        for _, _, outcome in self._passing(region):
            if outcome.route is not None:
                text = "no refusal can express the texts of its paths"
                yield _reason(outcome.route, text)

    def _passing(self, region: Region) -> Iterator[tuple[Cell, str, Outcome]]:
        for cell, by_method in region.cells:
            for method, outcome in by_method.items():
                if not outcome.is_nothing:
                    yield cell, method, outcome

    def _is_own(self, region: Region, outcome: Outcome) -> bool:
        """Return whether the answering route declares the region's path itself."""
        route = outcome.route
        return route is not None and region.path in self.own.get(route, ())

    def _is_closable(
        self, region: Region, cell: Cell, outcome: Outcome
    ) -> bool:
        """Return whether requests may be closed: they reach a route only because no other route
        takes them. They are single texts, or go to another service."""
        if self._is_own(region, outcome):
            return False
        is_below = cell.continues and cell.text.endswith("/")
        way = outcome.way
        return not is_below or (
            way is not None and way.address != region.address
        )

    def _why_not(self, region: Region) -> Iterator[Reason]:
        for _, _, outcome in self._passing(region):
            yield from outcome.reasons
            if outcome.route is None:
                continue
            text = "its path is too deep"
            if outcome.way is not None:
                address = outcome.way.address
                known = self.judge.problems.get(address, "")
                text = self.banned.get(address, known) or text
            if not outcome.reasons:
                yield _reason(outcome.route, text)

    def _set_target(self, region: Region) -> None:
        votes: Votes[str] = Votes()
        for cell, _, outcome in self._passing(region):
            if outcome.way and outcome.way.address == region.address:
                target = _target(region.path, cell, outcome.way.path)
                if target is not None:
                    weight = 1 + 1000 * self._is_own(region, outcome)
                    votes.add(target, weight)
        region.target = votes.winner(written(region.path))

    def _set_networks(self, region: Region) -> None:
        votes: dict[str, Votes[OldPlugin | None]] = {}
        for _, method, outcome in self._passing(region):
            if outcome.way and outcome.way.address == region.address:
                weight = 1 + 1000 * self._is_own(region, outcome)
                counted = votes.setdefault(method, Votes())
                counted.add(outcome.networks, weight)
        region.networks = {
            method: counted.winner(None) for method, counted in votes.items()
        }

    def _has_fit(self, region: Region) -> bool:
        return any(
            not self.judge.unfit(region, *found)
            for found in self._passing(region)
        )

    def _blocked(self, region: Region) -> Iterator[Reason]:
        """Yield why the old route has to keep the path."""
        has_fit = False
        closable: list[Reason] = []
        for cell, method, outcome in self._passing(region):
            unfit = self.judge.unfit(region, cell, method, outcome)
            has_fit = has_fit or not unfit
            if not unfit or method == "HEAD":
                continue
            if outcome.reasons:
                yield from outcome.reasons
            elif outcome.route is not None:
                reason = _reason(outcome.route, unfit)
                if self._is_closable(region, cell, outcome):
                    closable.append(reason)
                else:
                    yield reason
        if not has_fit:
            yield from closable


def _covered(below: Iterable[Region]) -> Iterator[Reason]:
    """Yield a reason for each path below that the old route keeps."""
    for other in below:
        if other.left:
            first = other.left[0]
            text = f"it covers {written(other.path)}, which stays: {first.text}"
            yield Reason(text, first.position)


def _reason(route: OldRoute, text: str) -> Reason:
    return Reason(f"route '{route.name}': {text}", route.position)


def _target(path: PathSegments, cell: Cell, sent: str) -> str | None:
    """Return the forward of a path by one request and its path at the service, or None."""
    base = written(path).removesuffix("/")
    rest = cell.example[len(escaped(base)) :]
    if not cell.example.startswith(escaped(base)):
        return None
    if not rest:
        return sent if elements(sent) is not None else None
    if not rest.startswith("/") or not sent.endswith(rest):
        return None
    target = sent.removesuffix(rest) or "/"
    if not path and not cell.continues:
        # The root itself keeps the slash at the end of its target.
        target = sent
    return target if elements(target) is not None else None
