"""Sites of an estate: where requests arrive, and what is declared there.

A site is a host, as far as estates name it: an exact name, or a wildcard for the hosts that nothing
more specific names. To compare stacks, whose hosts differ, it is a component's port instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Protocol

from kong_oam.access.data import PathSegments
from kong_oam.access.endpoint import whole
from kong_oam.access.hosts import host_patterns
from kong_oam.access.model import Component, Estate, Exposed
from kong_oam.access.request_classes import PathClass, path_classes


class Sites(Protocol):
    """The sites of one estate. `name` is a host, or `application/component:port`."""

    def names(self) -> Iterable[str]: ...

    def declared(self, name: str) -> Iterable[PathSegments]:
        """Yield every path at which an answer may change on the site."""

    def endpoint_on(self, name: str, path: PathSegments) -> Exposed | None:
        """The endpoint that a request with that path reaches, and the component whose rules hold
        there."""

    def component(self, name: str, path: PathSegments) -> Component | None:
        """The component whose rules hold at the path."""
        pair = self.endpoint_on(name, path)
        return pair[1] if pair else None

    def host(self, name: str, path: PathSegments) -> str | None:
        """A host at which a request with that path reaches the site."""


class SitesByHost(Sites):
    """Sites by host: the same URL is the same endpoint."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def names(self) -> Iterable[str]:
        return self._estate.by_host

    def declared(self, name: str) -> Iterable[PathSegments]:
        for pattern in host_patterns(_example(name)):
            for endpoint, component in self._estate.by_host.get(pattern, ()):
                yield endpoint.path
                yield from component.owned

    def endpoint_on(self, name: str, path: PathSegments) -> Exposed | None:
        return self._estate.reached(_example(name), path)

    def host(self, name: str, path: PathSegments) -> str | None:  # noqa: ARG002 - on a host every path is at that host
        return _example(name)


class SitesByPort(Sites):
    """Sites by component and port, whatever their hosts are called: how stacks are compared."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._sites: dict[str, list[Exposed]] = {}
        for component in estate.exposed:
            key = whole(component.key)
            for endpoint in component.exposure.endpoints:
                site = f"{key}:{endpoint.port_name}"
                self._sites.setdefault(site, []).append((endpoint, component))

    def names(self) -> Iterable[str]:
        return self._sites

    def declared(self, name: str) -> Iterable[PathSegments]:
        for endpoint, component in self._sites.get(name, ()):
            yield from component.owned
            for inner, _ in self._estate.below[endpoint.host, endpoint.path]:
                yield inner.path

    def endpoint_on(self, name: str, path: PathSegments) -> Exposed | None:
        for endpoint, _ in self._sites.get(name, ()):
            pair = self._estate.endpoint_on(endpoint.host, path)
            if pair and pair[0] is endpoint:
                return pair
        return None

    def host(self, name: str, path: PathSegments) -> str | None:
        pair = self.endpoint_on(name, path)
        return _example(pair[0].host) if pair else None


def _example(pattern: str) -> str:
    """An example host of which the pattern is the most specific name: no gateway trait can have a
    label with an underscore."""
    return f"_any{pattern[1:]}" if pattern.startswith("*.") else pattern


def path_classes_by_site(
    *sides: Sites,
) -> Iterator[tuple[str, tuple[PathClass, ...]]]:
    """Yield every site that any of the estates has, with the classes of paths that none of them
    can tell apart further."""
    names = {*chain.from_iterable(side.names() for side in sides)}
    for name in sorted(names):
        declared = chain.from_iterable(side.declared(name) for side in sides)
        yield name, path_classes(declared)
