"""Sites of an estate: addresses of requests, and the paths that are declared there.

A site is a host: an exact name, or a wildcard for hosts without a more specific name. To compare
stacks, whose hosts differ, a site is a component's port instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Protocol

from kong_oam.access.data import PathSegments
from kong_oam.access.discovery import described, document_path, documents
from kong_oam.access.endpoint import component_key
from kong_oam.access.hosts import host_patterns
from kong_oam.access.model import Component, Estate, Exposed
from kong_oam.access.path_texts import PathText, texts_of
from kong_oam.access.paths import written
from kong_oam.access.request_classes import PathClass, path_classes


class Sites(Protocol):
    """The sites of one estate. `name` is a host, or `application/component:port`."""

    def names(self) -> Iterable[str]: ...

    def declared(self, name: str) -> Iterable[PathSegments]:
        """Yield every path at which an answer may change on the site."""

    def texts(self, name: str) -> Iterable[PathText]:
        """Yield every text by which a rule of the site refuses paths."""

    def endpoint_on(self, name: str, path: PathSegments) -> Exposed | None:
        """Return the endpoint that a request with that path reaches, and the component whose rules
        apply."""

    def component(self, name: str, path: PathSegments) -> Component | None:
        """Return the component whose rules apply to the path."""
        pair = self.endpoint_on(name, path)
        return pair[1] if pair else None

    def host(self, name: str, path: PathSegments) -> str | None:
        """Return a host at which a request with that path reaches the site."""

    def describes(self, name: str, path: PathSegments) -> bool:
        """Return whether the gateway answers a GET of the path with a document about an MCP
        endpoint. Then no rule decides."""


class _Documents:
    """The paths of documents about MCP endpoints, by host."""

    def __init__(self, estate: Estate) -> None:
        self._paths: dict[str, list[PathSegments]] = {}
        for component in estate.exposed:
            for endpoint, path in documents(component):
                paths = self._paths.setdefault(endpoint.host, [])
                paths.append(document_path(path))

    def on(self, host: str) -> Iterator[PathSegments]:
        """Yield the paths of documents that a host may answer with."""
        for pattern in host_patterns(host):
            yield from self._paths.get(pattern, ())


class SitesByHost(Sites):
    """Sites by host: equal URLs are equal endpoints."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._documents = _Documents(estate)

    def names(self) -> Iterable[str]:
        return self._estate.by_host

    def declared(self, name: str) -> Iterable[PathSegments]:
        for pattern in host_patterns(_example(name)):
            for endpoint, component in self._estate.by_host.get(pattern, ()):
                yield endpoint.path
                yield from component.owned
                yield from _forwarded(component)
        yield from self._documents.on(_example(name))

    def texts(self, name: str) -> Iterator[PathText]:
        for pattern in host_patterns(_example(name)):
            for _, component in self._estate.by_host.get(pattern, ()):
                yield from _refused(component)
        for path in self._documents.on(_example(name)):
            yield PathText("exactly", written(path))

    def endpoint_on(self, name: str, path: PathSegments) -> Exposed | None:
        return self._estate.reached(_example(name), path)

    # On a host, every path is at that host.
    def host(self, name: str, path: PathSegments) -> str | None:  # noqa: ARG002
        return _example(name)

    def describes(self, name: str, path: PathSegments) -> bool:
        return described(self._estate, "GET", _example(name), path) is not None


class SitesByPort(Sites):
    """Sites by component and port, independent of hosts, to compare stacks."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._documents = _Documents(estate)
        self._sites: dict[str, list[Exposed]] = {}
        for component in estate.exposed:
            key = component_key(component.key)
            for endpoint in component.exposure.endpoints:
                site = f"{key}:{endpoint.port_name}"
                self._sites.setdefault(site, []).append((endpoint, component))

    def names(self) -> Iterable[str]:
        return self._sites

    def declared(self, name: str) -> Iterable[PathSegments]:
        for endpoint, component in self._sites.get(name, ()):
            yield from component.owned
            yield from _forwarded(component)
            for inner, _ in self._estate.below[endpoint.host, endpoint.path]:
                yield inner.path
            yield from self._documents.on(_example(endpoint.host))

    def texts(self, name: str) -> Iterator[PathText]:
        for endpoint, component in self._sites.get(name, ()):
            yield from _refused(component)
            for path in self._documents.on(_example(endpoint.host)):
                yield PathText("exactly", written(path))

    def endpoint_on(self, name: str, path: PathSegments) -> Exposed | None:
        return next(self._endpoints_on(name, path), None)

    def _endpoints_on(self, name: str, path: PathSegments) -> Iterator[Exposed]:
        """Yield the endpoints of the port that requests with that path reach, of each host."""
        for endpoint, _ in self._sites.get(name, ()):
            pair = self._estate.endpoint_on(endpoint.host, path)
            if pair and pair[0] is endpoint:
                yield pair

    def host(self, name: str, path: PathSegments) -> str | None:
        pair = self.endpoint_on(name, path)
        return _example(pair[0].host) if pair else None

    def describes(self, name: str, path: PathSegments) -> bool:
        # A host without the document leaves the path to the rules.
        found = [
            described(self._estate, "GET", _example(endpoint.host), path)
            for endpoint, _ in self._endpoints_on(name, path)
        ]
        return bool(found) and None not in found


def _forwarded(component: Component) -> Iterator[PathSegments]:
    for forward in component.exposure.forwards:
        yield forward.path


def _refused(component: Component) -> Iterator[PathText]:
    for rule in component.exposure.rules:
        yield from texts_of(rule.refusals)


def _example(pattern: str) -> str:
    """Return an example host for a pattern. Its underscore keeps it apart from declared hosts."""
    return f"_any{pattern[1:]}" if pattern.startswith("*.") else pattern


def path_classes_by_site(
    *sides: Sites,
) -> Iterator[tuple[str, tuple[PathClass, ...]]]:
    """Yield every site of the estates, with the finest classes of paths that any of them
    distinguishes."""
    names = {*chain.from_iterable(side.names() for side in sides)}
    for name in sorted(names):
        declared = chain.from_iterable(side.declared(name) for side in sides)
        texts = chain.from_iterable(side.texts(name) for side in sides)
        yield name, path_classes(declared, texts)
