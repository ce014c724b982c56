"""The routes that a component needs. No route decides: each only has to reach its own gate.

Source: docs/explanation/design.md#routes.

A rule costs no route, be it public or not: the gate is told who calls, or that it is nobody.
Exposed paths of one depth share a route, and the longer path wins through `regex_priority`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from kong_oam.access.compile.exposure import (
    DEEPEST,
    DEEPEST_BELOW_WILDCARD,
    MOST_LABELS_OF_WILDCARD,
)
from kong_oam.access.data import Names, PathSegments
from kong_oam.access.model import Component
from kong_oam.access.paths import AmbiguousPathError, declared, pattern
from kong_oam.kong.entities import Entity

_STEP = 2 * (1 + DEEPEST_BELOW_WILDCARD)
"""What each label of a wildcard host adds to a route's priority: more than any path does.

So among wildcard hosts the nearer one wins whatever the path; exact hosts always come first in
Kong's router. Kong reads ten bits of a priority: what is above them falls together with other parts
of its order, and then some wildcard routes win over exact hosts (seen on a Kong 3.10).
`kong_oam.access.compile.exposure` refuses what would not fit.
"""
assert (
    _STEP * MOST_LABELS_OF_WILDCARD + 2 * DEEPEST_BELOW_WILDCARD <= 1023
    and 2 * DEEPEST <= 1023
)


_LITERAL = re.compile(r"(?:[^\\.^$*+?()\[\]{}|]|\\[^A-Za-z0-9])*")
_EITHER = re.compile(r"\(\?:(?:\\?)(.)\|%[0-9A-F]{2}\)")


FIXED: Entity = {
    "path_handling": "v0",
    "preserve_host": True,
    "request_buffering": True,
    "response_buffering": True,
    "strip_path": False,
}
"""Fields of every route."""


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """One Kong route: `role` tells it from the component's others, `paths` are regular expressions
    without the `~`."""

    role: str
    backend: str
    hosts: Names
    paths: Names
    priority: int

    @property
    def kong_paths(self) -> list[str]:
        """The paths as Kong writes regular expressions."""
        return [f"~{path}" for path in self.paths]


def routes(component: Component) -> tuple[RoutePlan, ...]:
    """The routes of one component, in a stable order. Hosts with the same paths share routes."""
    plans: list[RoutePlan] = []
    for backend in component.backends:
        for index, (hosts, paths) in enumerate(_shared(component, backend)):
            suffix = f"-{index}" if index else ""
            plans += _plans(backend, hosts, paths, suffix)
    return tuple(plans)


def _shared(
    component: Component, backend: str
) -> Iterator[tuple[Names, frozenset[PathSegments]]]:
    """Yield the hosts that share routes, with their paths: those with the same paths, of the same
    step."""
    paths_of: dict[str, set[PathSegments]] = {}
    for endpoint in component.exposure.endpoints:
        paths = paths_of.setdefault(endpoint.host, set())
        if endpoint.backend == backend:
            paths.add(endpoint.path)
    hosts_of: dict[tuple[frozenset[PathSegments], int], list[str]] = {}
    for host, paths in paths_of.items():
        if paths:
            shared = frozenset(paths), _step(host)
            hosts_of.setdefault(shared, []).append(host)
    for (shared_paths, _), hosts in hosts_of.items():
        yield tuple(hosts), shared_paths


def _plans(
    backend: str,
    hosts: Names,
    paths: frozenset[PathSegments],
    suffix: str,
) -> Iterator[RoutePlan]:
    by_depth: dict[int, list[PathSegments]] = {}
    for path in sorted(paths):
        by_depth.setdefault(len(path), []).append(path)
    for depth, group in sorted(by_depth.items()):
        # Even, and called as they are, since they stand beside the odd public ones of versions
        # before this one.
        priority = _step(hosts[0]) + 2 * depth
        patterns = tuple(map(pattern, group))
        role = f"protected-{depth}{suffix}"
        yield RoutePlan(role, backend, hosts, patterns, priority)


def _step(host: str) -> int:
    return _STEP * host.count(".") if host.startswith("*.") else 0


@cache
def declared_path(path: str) -> PathSegments | None:
    """The elements of a path of a Kong route that `RoutePlan.kong_paths` writes; None for any other
    path."""
    if not path.startswith("~"):
        return None
    text = _EITHER.sub(r"\1", path[1:].removesuffix("(?:/|$)")).replace(
        "\\", ""
    )
    try:
        elements = declared(text)
    except AmbiguousPathError:
        return None
    return elements if pattern(elements) == path[1:] else None


def literal_prefix(path: str) -> str:
    """The text with which every path begins that a path of a Kong route matches."""
    if not path.startswith("~"):
        return path
    text = path[1:].removeprefix("^")
    if "|" in text:  # nothing is sure
        return ""
    match = _LITERAL.match(text)
    literal = match[0] if match else ""
    # A quantifier makes the character before it optional.
    if text[len(literal) :].startswith(("*", "?", "{")):
        literal = literal[:-1]
    return literal.replace("\\", "")
