"""The routes that a call may reach, in the order of Kong's router.

The flavour is the default, `traditional_compatible`. Plain hosts win, then regular expressions by
priority, more conditions, longer paths. A route with further conditions (headers, SNIs, a foreign
regular expression) may or may not be reached. If two routes have one priority, either may be
reached: Kong then chooses by ids, which intended entities lack.

Sources: Kong's documentation of how routes are matched, kong/router/transform.lua, recorded answers
of a Kong 3.10.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from operator import itemgetter

from kong_oam.access.data import Names, PathSegments
from kong_oam.access.methods import http_method
from kong_oam.access.paths import written
from kong_oam.kong.effects import HTTP
from kong_oam.kong.entities import Entity
from kong_oam.kong.route_order import paths_by_priority, priority
from kong_oam.kong.routes import declared_path, exact_path, literal_prefix
from kong_oam.verify.questions import Call


@dataclass(frozen=True, slots=True)
class Reached:
    """A route that a call may reach. `matched`: the part that `strip_path` would remove. `certain`:
    the call always reaches it."""

    route: Entity
    matched: str
    certain: bool


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A route, or its paths of a single kind and length. Kong gives each its own priority."""

    priority: int
    route: Entity
    hosts: Names
    methods: frozenset[str]
    paths: Names
    conditions: bool

    def match(self, call: Call) -> Reached | None:
        """Return the route as the call may reach it; None if its methods or paths do not match."""
        if self.methods and http_method(call.method) not in self.methods:
            return None
        if not self.paths:
            return Reached(self.route, "", not self.conditions)
        matches = [_matched(path, call) for path in self.paths]
        # A certain match comes before a possible match.
        best = max(filter(None, matches), key=itemgetter(1), default=None)
        if best is None:
            return None
        matched, certain = best
        return Reached(self.route, matched, certain and not self.conditions)


class Router:
    """All routes of a gateway for requests, in the order in which they are tried."""

    def __init__(self, routes: Iterable[Entity]) -> None:
        candidates: list[_Candidate] = []
        for route in routes:
            if HTTP.intersection(route["protocols"]):
                candidates += _candidates(route)
        self._candidates = sorted(
            candidates, key=lambda candidate: -candidate.priority
        )
        # The candidates of each host pattern, without its port. Routes without a host have the
        # pattern "".
        self._of_pattern: dict[str, list[int]] = {}
        for index, candidate in enumerate(self._candidates):
            for host in candidate.hosts or ("",):
                self._of_pattern.setdefault(host.partition(":")[0], []).append(
                    index
                )
        self._of_host: dict[str, tuple[_Candidate, ...]] = {}

    def hosts(self) -> frozenset[str]:
        """Return the hosts of all routes, without ports."""
        return frozenset(filter(None, self._of_pattern))

    def methods(self) -> frozenset[str]:
        """Return the methods that routes name."""
        methods = [candidate.methods for candidate in self._candidates]
        return frozenset().union(*methods)

    def paths(self, host: str) -> Iterator[PathSegments]:
        """Yield the paths at which routes on the host divide URLs: whole elements of each literal
        prefix."""
        for candidate in self._on(host):
            for path in candidate.paths:
                ours = declared_path(path) or exact_path(path)
                elements = ours or literal_prefix(path).split("/")
                yield tuple(filter(None, elements))

    def reached(self, call: Call) -> tuple[Reached, ...]:
        """Return the routes that may take the call. Without routes, the answer is 404.

        The last route is certain, unless no route is.
        """
        matches = []
        limit = None
        for candidate in self._on(call.host):
            if limit is not None and candidate.priority < limit:
                break
            match = candidate.match(call)
            if match:
                matches.append(match)
                if match.certain:
                    limit = candidate.priority
        return tuple(matches)

    def _on(self, host: str) -> tuple[_Candidate, ...]:
        if host not in self._of_host:
            indexes = set()
            for pattern, of_pattern in self._of_pattern.items():
                if _meets(host, pattern):
                    indexes.update(of_pattern)
            self._of_host[host] = tuple(
                self._candidates[index] for index in sorted(indexes)
            )
        return self._of_host[host]


def _meets(host: str, pattern: str) -> bool:
    if pattern.startswith("*"):
        return host.endswith(pattern[1:])
    if pattern.endswith("*"):
        return host.startswith(pattern[:-1])
    return pattern in ("", host)


def _candidates(route: Entity) -> Iterator[_Candidate]:
    hosts = tuple(route.get("hosts") or ())
    methods = frozenset(route.get("methods") or ())
    conditions = any(
        map(route.get, ("headers", "snis", "sources", "destinations"))
    )
    for paths in paths_by_priority(route):
        yield _Candidate(
            priority(route, paths),
            route,
            hosts,
            methods,
            tuple(paths),
            conditions or ":" in "".join(hosts),
        )


def _matched(path: str, call: Call) -> tuple[str, bool] | None:
    """Return the part of the call's path that a route's path matches, and whether for the whole
    class.

    None: it never matches.
    """
    text = written(call.path)
    if not path.startswith("~"):
        return (path, True) if text.startswith(path) else None
    is_ours = declared_path(path) is not None or exact_path(path) is not None
    is_certain = is_ours or call.below is None
    expression = _compiled(path)
    match = expression.match(text) if expression else None
    if match:
        return match[0], is_certain
    if is_certain:
        # An expression that cannot be read may match anything.
        return None if expression else ("", False)
    return ("", False) if _is_near(path, call) else None


def _is_near(path: str, call: Call) -> bool:
    """Return whether a foreign expression may match some paths of the call's class, by its literal
    prefix."""
    prefix = literal_prefix(path)
    below = written(call.below or ()).rstrip("/") + "/"
    return below.startswith(prefix) or written(call.path).startswith(prefix)


@cache
def _compiled(path: str) -> re.Pattern[str] | None:
    try:
        return re.compile(path[1:])
    except re.error:
        return None
