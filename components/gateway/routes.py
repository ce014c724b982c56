"""Which routes a component needs. No route decides: each only has to reach its own gate (design section 5).

A protected rule costs no route. Public rules have routes of their own, where authentication is optional; those of one
depth share one. The longer path wins through `regex_priority`, and of two routes of one depth the public one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from access.component import DEEPEST, DEEPEST_BELOW_WILDCARD, MOST_LABELS_OF_WILDCARD
from access.model import Component, Elements, Endpoint, Estate
from access.paths import pattern, within

_STEP = 2 * (1 + DEEPEST_BELOW_WILDCARD)
"""What each label of a wildcard host adds to a route's priority: more than any path does.

So among wildcard hosts the nearer one wins whatever the path; exact hosts always come first in Kong's router. Kong
reads ten bits of a priority: what is above them falls together with other parts of its order, and then some wildcard
routes win over exact hosts (seen on a Kong 3.10). `access.component` refuses what would not fit.
"""
assert _STEP * MOST_LABELS_OF_WILDCARD + _STEP - 1 <= 1023 and 2 * DEEPEST + 1 <= 1023


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """One Kong route: `role` tells it from the component's others, `paths` are regular expressions without the `~`."""

    role: str
    port: int
    hosts: tuple[str, ...]
    paths: tuple[str, ...]
    priority: int
    public: bool

    @property
    def kong_paths(self) -> list[str]:
        return [f"~{path}" for path in self.paths]


def routes(estate: Estate, component: Component) -> tuple[RoutePlan, ...]:
    """The routes of one component, in a stable order. Hosts with the same paths share routes."""
    plans: list[RoutePlan] = []
    for port in component.ports:
        hosts_of: dict[tuple[frozenset[Elements], frozenset[Elements], int], list[str]] = {}
        for host, endpoints in _by_host(component).items():
            protected = frozenset(endpoint.path for endpoint in endpoints if endpoint.port == port)
            public = frozenset(_public_paths(estate, component, host, port))
            if protected:
                hosts_of.setdefault((protected, public, _wildcard(host)), []).append(host)
        for index, ((protected, public, step), hosts) in enumerate(hosts_of.items()):
            suffix = f"-{index}" if index else ""
            plans += _plans(port, tuple(hosts), protected, step, suffix, public=False)
            plans += _plans(port, tuple(hosts), public, step, suffix, public=True)
    return tuple(plans)


def _plans(
    port: int, hosts: tuple[str, ...], paths: frozenset[Elements], step: int, suffix: str, *, public: bool
) -> Iterator[RoutePlan]:
    by_depth: dict[int, list[Elements]] = {}
    for path in sorted(paths):
        by_depth.setdefault(len(path), []).append(path)
    for depth, group in sorted(by_depth.items()):
        role = f"{'public' if public else 'protected'}-{depth}{suffix}"
        priority = step + 2 * depth + int(public)
        yield RoutePlan(role, port, hosts, tuple(pattern(path) for path in group), priority, public)


def _by_host(component: Component) -> Mapping[str, list[Endpoint]]:
    result: dict[str, list[Endpoint]] = {}
    for endpoint in component.endpoints:
        result.setdefault(endpoint.host, []).append(endpoint)
    return result


def _public_paths(estate: Estate, component: Component, host: str, port: int) -> Iterator[Elements]:
    """Paths on which something is public and that lead to `port` of the component.

    Those of public rules, and gateway paths below them, whose own protected route would come first. A path that another
    component (or port) owns on this host is left to it.
    """
    exposed = {endpoint.path: (owner, endpoint.port) for endpoint, owner in estate.by_host[host]}
    for path in {rule.path for rule in component.rules} | set(exposed):
        above = max((base for base in exposed if within(path, base)), key=len, default=None)
        if above is not None and exposed[above] == (component, port) and any(r.public for r in component.owning(path)):
            yield path


def _wildcard(host: str) -> int:
    return _STEP * host.count(".") if host.startswith("*.") else 0
