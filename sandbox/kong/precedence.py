"""The order of a request's plugins, and the choice between several plugins of one name.

Source: the priorities in Kong's plugins, and recorded exchanges of a Kong 3.10
(recorded-plugins.jsonl).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kong_rules.entities import Entity
from sandbox.kong.other_plugins import PRIORITIES

HTTP_PROTOCOLS = frozenset({"http", "https", "grpc", "grpcs"})
ORDER = tuple(sorted(PRIORITIES, key=lambda name: -PRIORITIES[name]))


def by_scope(plugins: Iterable[Entity]) -> dict[Any, Entity]:
    """Return active plugins by (name, route, service, consumer), each id or None."""
    scoped = {}
    for plugin in plugins:
        if plugin["enabled"] and HTTP_PROTOCOLS.intersection(
            plugin["protocols"]
        ):
            parts = (plugin["route"], plugin["service"], plugin["consumer"])
            ids = (part["id"] if part else None for part in parts)
            scoped[plugin["name"], *ids] = plugin
    return scoped


def scopes(
    route: str | None, service: str | None, consumer: str | None
) -> Iterator[tuple[str | None, str | None, str | None]]:
    """Kong's order of scopes, the most specific first."""
    if consumer:
        yield from (
            (route, service, consumer),
            (route, None, consumer),
            (None, service, consumer),
        )
    yield route, service, None
    if consumer:
        yield None, None, consumer
    yield from ((route, None, None), (None, service, None), (None, None, None))


def everywhere(scoped: Mapping[Any, Entity]) -> Iterator[Entity]:
    """Return the plugins without a scope, in order: they run before routing, and on requests
    without a route."""
    return (
        scoped[name, None, None, None]
        for name in ORDER
        if (name, None, None, None) in scoped
    )
