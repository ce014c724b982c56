"""The routes that a component needs. No route decides: each only has to reach its own gate.

Source: docs/explanation/design.md#routes.

A rule costs no route, be it public or not: the gate is told who calls, or that it is nobody.
Exposed paths of one depth share a route, and the longer path wins through `regex_priority`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from kong_oam.access.compile.exposure import (
    DEEPEST,
    DEEPEST_BELOW_WILDCARD,
    MOST_LABELS_OF_WILDCARD,
)
from kong_oam.access.endpoint import Endpoint
from kong_oam.access.model import Component
from kong_oam.access.paths import AmbiguousPathError, PathSegments, declared, pattern

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


FIXED: Mapping[str, Any] = {
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
    hosts: tuple[str, ...]
    paths: tuple[str, ...]
    priority: int

    @property
    def kong_paths(self) -> list[str]:
        """The paths as Kong writes regular expressions."""
        return [f"~{path}" for path in self.paths]


def routes(component: Component) -> tuple[RoutePlan, ...]:
    """The routes of one component, in a stable order. Hosts with the same paths share routes."""
    plans: list[RoutePlan] = []
    for backend in component.backends:
        hosts_of: dict[tuple[frozenset[PathSegments], int], list[str]] = {}
        for host, endpoints in _by_host(component).items():
            paths = frozenset(
                endpoint.path for endpoint in endpoints if endpoint.backend == backend
            )
            if paths:
                hosts_of.setdefault((paths, _wildcard(host)), []).append(host)
        for index, ((paths, step), hosts) in enumerate(hosts_of.items()):
            plans += _plans(
                backend, tuple(hosts), paths, step, f"-{index}" if index else ""
            )
    return tuple(plans)


def _plans(
    backend: str,
    hosts: tuple[str, ...],
    paths: frozenset[PathSegments],
    step: int,
    suffix: str,
) -> Iterator[RoutePlan]:
    by_depth: dict[int, list[PathSegments]] = {}
    for path in sorted(paths):
        by_depth.setdefault(len(path), []).append(path)
    for depth, group in sorted(by_depth.items()):
        # Even, and called as they are, since they stand beside the odd public ones of versions
        # before this one.
        priority = step + 2 * depth
        yield RoutePlan(
            f"protected-{depth}{suffix}",
            backend,
            hosts,
            tuple(pattern(path) for path in group),
            priority,
        )


def _by_host(component: Component) -> Mapping[str, list[Endpoint]]:
    result: dict[str, list[Endpoint]] = {}
    for endpoint in component.endpoints:
        result.setdefault(endpoint.host, []).append(endpoint)
    return result


def _wildcard(host: str) -> int:
    return _STEP * host.count(".") if host.startswith("*.") else 0


@cache
def declared_path(path: str) -> PathSegments | None:
    """The elements of a path of a Kong route that `RoutePlan.kong_paths` writes; None for any other
    path."""
    if not path.startswith("~"):
        return None
    text = _EITHER.sub(r"\1", path[1:].removesuffix("(?:/|$)")).replace("\\", "")
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
    match = _LITERAL.match(text)
    literal = match[0] if match else ""
    # A quantifier makes the character before it optional, and with an alternative nothing is sure.
    if "|" in text or text[len(literal) :][:1] in ("*", "?", "{"):
        literal = "" if "|" in text else literal[:-1]
    return literal.replace("\\", "")
