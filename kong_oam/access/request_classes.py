"""All requests, cut into classes that estates cannot tell apart: sites, and on each site spots.

A site is a host, as far as estates name it: an exact name, or a wildcard for the hosts that nothing more specific
names. To compare stacks, whose hosts differ, it is a component's port instead.

A spot is a class of paths of one site. What is decided about a path depends on which of its beginnings some endpoint or
rule declares, byte by byte, and which ones another server may read in it (access.paths). So a class is given by the
longest declared beginning, and, for paths that are spelled so that some servers take them for what is declared, by the
longest beginning that these take them for, in small letters. Every class has an example, at which the real functions
are asked. A path that may be taken for several (`/s*`, of /sales and /stock) is of no class of its own: what changes
for it changes for one of those.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from kong_oam.access.decide import component_of, host_patterns
from kong_oam.access.model import METHODS, Component, Endpoint, Estate
from kong_oam.access.paths import PathSegments, folded, within


@dataclass(frozen=True, slots=True)
class Spot:
    """One class of paths. `path` is its example: the declared beginning itself, unless `spelled_otherwise`.

    Every path below `path` is of the class too, but for those of its `children` (indexes into the site's spots).
    """

    path: PathSegments
    spelled_otherwise: bool
    children: tuple[int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """Some paths: `path` and all below it. `spelled_otherwise`: those that some servers take for what is declared."""

    path: PathSegments
    spelled_otherwise: bool = False


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a site, without the parts that are not meant."""

    part: Part
    exceptions: tuple[Part, ...] = ()


class Sites(Protocol):
    """The sites of one estate. `name` is a host, or `application/component:port`."""

    def names(self) -> Iterable[str]: ...

    def declared(self, name: str) -> Iterable[PathSegments]:
        """Every path at which an answer may change on the site."""

    def component(self, name: str, path: PathSegments) -> Component | None:
        """Whose rules hold there."""

    def host(self, name: str, path: PathSegments) -> str | None:
        """A host at which a request with that path gets there."""


class Hosts:
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

    def component(self, name: str, path: PathSegments) -> Component | None:
        return component_of(self._estate, _example(name), path)

    def host(self, name: str, path: PathSegments) -> str | None:  # noqa: ARG002 - on a host every path is at that host
        return _example(name)


class Ports:
    """Sites by component and port, whatever their hosts are called: how stacks are compared."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._sites: dict[str, list[tuple[Endpoint, Component]]] = {}
        for component in estate.exposed:
            for endpoint in component.endpoints:
                self._sites.setdefault(f"{component.key}:{endpoint.port}", []).append((endpoint, component))

    def names(self) -> Iterable[str]:
        return self._sites

    def declared(self, name: str) -> Iterable[PathSegments]:
        for own, component in self._sites.get(name, ()):
            yield from component.owned
            yield from (other.path for other, _ in self._estate.by_host[own.host] if within(other.path, own.path))

    def component(self, name: str, path: PathSegments) -> Component | None:
        return next((component for _, component in self._reached(name, path)), None)

    def host(self, name: str, path: PathSegments) -> str | None:
        return next((_example(endpoint.host) for endpoint, _ in self._reached(name, path)), None)

    def _reached(self, name: str, path: PathSegments) -> Iterator[tuple[Endpoint, Component]]:
        """The site's endpoints to which the path leads, on their own host."""
        for own, component in self._sites.get(name, ()):
            leading = self._estate.leading(own.host, path)
            if leading and leading[0] is own:
                yield own, component


def _example(pattern: str) -> str:
    """A host of which the pattern is the most specific name: no gateway trait can have a label with an underscore."""
    return f"_any{pattern[1:]}" if pattern.startswith("*.") else pattern


def spots(declared: Iterable[PathSegments]) -> tuple[Spot, ...]:
    """The classes of paths that begin with a declared one; a class stands before its children."""
    exact = set(declared)
    lower: dict[PathSegments, list[PathSegments]] = {}
    for path in exact:
        lower.setdefault(folded(path), []).append(path)
    examples = {(path, path): path for path in exact}
    for low in lower:
        for length in range(len(low)):
            for left in lower.get(low[:length], ()):
                examples[left, low] = (*left, f"{low[length]}.", *low[length + 1 :])
    return _tree(examples)


def _tree(examples: Mapping[tuple[PathSegments, PathSegments], PathSegments]) -> tuple[Spot, ...]:
    """`examples` are by (longest declared beginning, longest that others read, in small letters, or the same again)."""
    keys = sorted(examples, key=lambda key: (len(key[1]), key[0] != key[1], key))
    index = {key: number for number, key in enumerate(keys)}
    children: dict[int, list[int]] = {}
    for key in keys:
        if (parent := _parent(key, index)) is not None:
            children.setdefault(parent, []).append(index[key])
    return tuple(Spot(examples[key], key[0] != key[1], tuple(children.get(index[key], ()))) for key in keys)


def _parent(
    key: tuple[PathSegments, PathSegments], index: Mapping[tuple[PathSegments, PathSegments], int]
) -> int | None:
    left, met = key
    if left != met:
        between = ((left, met[:length]) for length in range(len(met) - 1, len(left), -1))
        return next((index[other] for other in between if other in index), index[left, left])
    shorter = (left[:length] for length in range(len(left) - 1, -1, -1))
    return next((index[path, path] for path in shorter if (path, path) in index), None)


def sites_of(*sides: Sites) -> Iterator[tuple[str, tuple[Spot, ...]]]:
    """Every site that any of the estates has, with the spots that none of them can tell apart further."""
    for name in sorted({name for side in sides for name in side.names()}):
        yield name, spots(path for side in sides for path in side.declared(name))


def regions(
    spots: Sequence[Spot], by_method: Mapping[str, Collection[int]]
) -> Iterator[tuple[Region, tuple[int, ...], tuple[str, ...]]]:
    """The chosen spots of each method as few regions, with the numbers of their spots and the methods that share it."""
    shared: dict[tuple[Region, tuple[int, ...]], list[str]] = {}
    for method in METHODS:
        for found in _regions(spots, by_method.get(method, ())):
            shared.setdefault(found, []).append(method)
    for (region, members), methods in shared.items():
        yield region, members, tuple(methods)


def _regions(spots: Sequence[Spot], chosen: Collection[int]) -> Iterator[tuple[Region, tuple[int, ...]]]:
    """The chosen spots as few regions, each with the numbers of its spots: a spot goes with its parent where it can."""
    below = {child for number in chosen for child in spots[number].children}
    for top in sorted(set(chosen) - below):
        members, exceptions, waiting = [], [], [top]
        while waiting:
            number = waiting.pop()
            if number in chosen:
                members.append(number)
                waiting += spots[number].children
            else:
                exceptions.append(_part(spots[number]))
        yield Region(_part(spots[top]), tuple(sorted(exceptions))), tuple(sorted(members))


def _part(spot: Spot) -> Part:
    return Part(spot.path, spot.spelled_otherwise)
