"""The routes of a component. No route decides: each only has to reach its own gate.

Source: docs/explanation/design.md#routes.

Rules need no routes of their own, since the gate knows the caller. Exposed paths of one depth share
a route, and the longer path wins through `regex_priority`. Documents about MCP endpoints have
routes of their own, for GET of exactly their paths.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from kong_oam.access.compile.exposure import (
    DEEPEST,
    DEEPEST_BELOW_WILDCARD,
    MOST_LABELS_OF_WILDCARD,
)
from kong_oam.access.data import Names, PathSegments
from kong_oam.access.discovery import document_path, documents
from kong_oam.access.methods import METHODS
from kong_oam.access.model import Component
from kong_oam.access.paths import (
    AmbiguousPathError,
    declared,
    pattern,
    pattern_of_exactly,
)
from kong_oam.kong.entities import Entity
from kong_oam.kong.route_order import priority

# The priority that each label of a wildcard host adds to a route, more than any path adds.
#
# Among wildcard hosts, the longer host therefore wins for every path. Exact hosts always come first
# in Kong's router. Kong reads ten bits of a priority. Higher bits overlap with other parts of its
# order, and some wildcard routes would win over exact hosts (seen on a Kong 3.10).
# `kong_oam.access.compile.exposure` rejects hosts and paths that would not fit.
_STEP = 2 * (1 + DEEPEST_BELOW_WILDCARD)
assert (
    _STEP * MOST_LABELS_OF_WILDCARD + 2 * DEEPEST_BELOW_WILDCARD + 1 <= 1023
    and 2 * DEEPEST + 1 <= 1023
)


_LITERAL = re.compile(r"(?:[^\\.^$*+?()\[\]{}|]|\\[^A-Za-z0-9])*")
_EITHER = re.compile(r"\(\?:(?:\\?)(.)\|%[0-9A-F]{2}\)")


# Fields of every route.
FIXED: Entity = {
    "path_handling": "v0",
    "preserve_host": True,
    "request_buffering": True,
    "response_buffering": True,
    "strip_path": False,
}


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """A Kong route. `role` is unique in the component; `paths` are regular expressions without the
    `~`."""

    role: str
    backend: str
    hosts: Names
    paths: Names
    priority: int
    methods: Names = METHODS

    @property
    def kong_paths(self) -> list[str]:
        """The paths as Kong writes regular expressions."""
        return [f"~{path}" for path in self.paths]


def routes(component: Component) -> tuple[RoutePlan, ...]:
    """Return the routes of a component in a stable order. Hosts with equal paths share routes."""
    plans: list[RoutePlan] = []
    for backend in component.backends:
        for index, (hosts, paths) in enumerate(_shared(component, backend)):
            suffix = f"-{index}" if index else ""
            plans += _plans(backend, hosts, paths, suffix)
    return (*plans, *_document_plans(component))


def _document_plans(component: Component) -> Iterator[RoutePlan]:
    """Yield the routes of documents about MCP endpoints, before all routes of such paths."""
    hosts_of: dict[tuple[str, PathSegments, int], list[str]] = {}
    for endpoint, path in documents(component):
        number = document_priority(endpoint.host, path)
        place = endpoint.backend, document_path(path), number
        hosts_of.setdefault(place, []).append(endpoint.host)
    for index, (place, hosts) in enumerate(hosts_of.items()):
        backend, path, number = place
        role = f"discovery-{index}" if index else "discovery"
        exactly = (pattern_of_exactly(path),)
        yield RoutePlan(role, backend, tuple(hosts), exactly, number, ("GET",))


def document_priority(host: str, endpoint: PathSegments) -> int:
    """Return the priority of the document about an endpoint: more than any route of its path."""
    return regex_priority(host, len(document_path(endpoint))) + 1


def _shared(
    component: Component, backend: str
) -> Iterator[tuple[Names, frozenset[PathSegments]]]:
    """Yield groups of hosts with the same paths and the same step, with their paths."""
    paths_of: dict[str, set[PathSegments]] = {}
    for endpoint in component.exposure.endpoints:
        paths = paths_of.setdefault(endpoint.host, set())
        if endpoint.backend == backend:
            paths.add(endpoint.path)
    hosts_of = defaultdict(list)
    for host, paths in paths_of.items():
        if paths:
            shared = frozenset(paths), _step(host)
            hosts_of[shared].append(host)
    for (shared_paths, _), hosts in hosts_of.items():
        yield tuple(hosts), shared_paths


def _plans(
    backend: str,
    hosts: Names,
    paths: frozenset[PathSegments],
    suffix: str,
) -> Iterator[RoutePlan]:
    by_depth = defaultdict(list)
    for path in sorted(paths):
        by_depth[len(path)].append(path)
    for depth, group in sorted(by_depth.items()):
        # Earlier versions had the same roles, and odd priorities for public
        # routes.
        number = regex_priority(hosts[0], depth)
        patterns = tuple(map(pattern, group))
        role = f"protected-{depth}{suffix}"
        yield RoutePlan(role, backend, hosts, patterns, number)


def regex_priority(host: str, depth: int) -> int:
    """Return the priority of a path with so many elements on a host."""
    deepest = DEEPEST_BELOW_WILDCARD if host.startswith("*.") else DEEPEST
    return _step(host) + 2 * min(depth, deepest)


def own_priority(host: str, depth: int) -> int:
    """Return the place of such a route in Kong's router, as a number (`route_order`)."""
    route = {
        "hosts": [host],
        "methods": METHODS,
        "regex_priority": regex_priority(host, depth),
    }
    return priority(route, ["~"])


def _step(host: str) -> int:
    return _STEP * host.count(".") if host.startswith("*.") else 0


@cache
def declared_path(path: str) -> PathSegments | None:
    """Return the elements of a path that `RoutePlan.kong_paths` wrote, or None for another path."""
    elements = _elements_of(path, "(?:/|$)")
    is_ours = elements is not None and f"~{pattern(elements)}" == path
    return elements if is_ours else None


@cache
def exact_path(path: str) -> PathSegments | None:
    """Return the elements of the only path that a route of a document matches, or None for another
    path."""
    elements = _elements_of(path, "$")
    if not elements:
        return None
    return elements if f"~{pattern_of_exactly(elements)}" == path else None


def _elements_of(path: str, end: str) -> PathSegments | None:
    if not path.startswith("~"):
        return None
    text = _EITHER.sub(r"\1", path[1:].removesuffix(end)).replace("\\", "")
    try:
        return declared(text)
    except AmbiguousPathError:
        return None


def literal_prefix(path: str) -> str:
    """Return the literal prefix of all paths that a Kong route's path matches."""
    if not path.startswith("~"):
        return path
    text = path[1:].removeprefix("^")
    if "|" in text:  # no prefix is certain
        return ""
    match = _LITERAL.match(text)
    literal = match[0] if match else ""
    # A quantifier makes the character before it optional.
    if text[len(literal) :].startswith(("*", "?", "{")):
        literal = literal[:-1]
    return literal.replace("\\", "")
