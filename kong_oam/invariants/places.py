"""Divide the requests of invariants: sites with their invariants, and points of a site.

A point stands for all requests of a class (access.request_classes). An invariant may divide a class
by its path. Then its path is a point, too. So a site needs no classes for each invariant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kong_oam.access.callers import Callers
from kong_oam.access.data import PathSegments
from kong_oam.access.domains import mapped_domain
from kong_oam.access.hosts import hosts_above
from kong_oam.access.model import Component, Estate
from kong_oam.access.paths import beginnings, folded, within
from kong_oam.access.principals import Access
from kong_oam.access.request_classes import PathClass, path_classes
from kong_oam.access.sites import SitesByHost
from kong_oam.access.stack import Stack
from kong_oam.invariants.model import ANY_HOST, CallInvariant, Requests


@dataclass(frozen=True, slots=True)
class Point:
    """A request path that stands for a class, its component, and the callers by method."""

    path: PathSegments
    component: Component
    access: Mapping[str, Access]


@dataclass(frozen=True, slots=True)
class CallSite:
    """A host with the invariants that concern its requests, by their indexes."""

    name: str
    concerned: Sequence[int]


def lower(path: PathSegments) -> PathSegments:
    """Return a path in small letters. A path of an invariant covers paths in any letters."""
    return tuple(element.lower() for element in path)


def covers_host(requests: Requests, site: str, stack: Stack) -> bool:
    """Return whether the requests include all hosts of a site."""
    host = mapped_domain(requests.host, stack)
    return host == ANY_HOST or host in hosts_above(site)


def covers_path(requests: Requests, path: PathSegments) -> bool:
    """Return whether the requests include a path."""
    return within(lower(path), lower(requests.path))


def sites_of(
    invariants: Mapping[int, CallInvariant], estate: Estate
) -> Iterator[CallSite]:
    """Yield the sites of an estate that some invariant concerns, by name.

    A host that only an invariant names is a site if a wildcard of the estate answers it.
    """
    by_host = defaultdict(list)
    names = {*estate.by_host}
    for index, invariant in invariants.items():
        host = mapped_domain(invariant.may.host, estate.stack)
        by_host[host].append(index)
        for requests in _all_requests(invariant):
            names.add(mapped_domain(requests.host, estate.stack))
    for name in sorted(names - {ANY_HOST}):
        concerned = [*by_host.get(ANY_HOST, ())]
        is_answered = False
        for pattern in hosts_above(name):
            concerned += by_host.get(pattern, ())
            is_answered = is_answered or pattern in estate.by_host
        if is_answered and concerned:
            yield CallSite(name, sorted(concerned))


def _all_requests(invariant: CallInvariant) -> Iterator[Requests]:
    """Yield the requests of an invariant and of its exceptions."""
    yield invariant.may
    for exception in invariant.exceptions:
        if exception.may is not None:
            yield exception.may


class Points:
    """The points of one site. Not frozen, because points are kept."""

    def __init__(
        self,
        site: str,
        sites: SitesByHost,
        callers: Callers,
        invariants: Iterable[CallInvariant],
    ) -> None:
        self._site = site
        self._sites = sites
        self._callers = callers
        declared = {*sites.declared(site)}
        texts = tuple(sites.texts(site))
        if texts:
            # A text of a refusal may begin inside an element, so points are not enough.
            for invariant in invariants:
                declared.update(may.path for may in _all_requests(invariant))
        self._declared = declared
        self._folded = {*map(folded, declared)}
        self._known: dict[PathSegments, Point | None] = {}
        self._below: dict[PathSegments, list[PathSegments]] = defaultdict(list)
        for path_class in path_classes(declared, texts):
            self._add(path_class)

    def _add(self, path_class: PathClass) -> None:
        for beginning in beginnings(lower(path_class.path)):
            self._below[beginning].append(path_class.path)

    def of(self, invariant: CallInvariant) -> Iterator[Point]:
        """Yield the points of the site that an invariant's requests have, the shortest first."""
        paths: dict[PathSegments, None] = {}
        for requests in _all_requests(invariant):
            path = requests.path
            if path not in self._declared and covers_path(invariant.may, path):
                paths[path] = None
        paths.update(
            dict.fromkeys(self._below.get(lower(invariant.may.path), ()))
        )
        for path in paths:
            point = self._at(path)
            if point is not None:
                yield point

    def _at(self, path: PathSegments) -> Point | None:
        if path not in self._known:
            self._known[path] = self._point(path)
        return self._known[path]

    def _point(self, path: PathSegments) -> Point | None:
        component = self._sites.component(self._site, path)
        if component is None:
            return None
        around = self._around(path)
        outer = self._at(around) if around != path else None
        # Many paths of invariants have the callers of one declared path.
        if outer is not None and outer.component is component:
            return Point(path, component, outer.access)
        return Point(path, component, self._callers.at(component, path))

    def _around(self, path: PathSegments) -> PathSegments:
        """Return the declared path whose rules decide on the path, or the path itself."""
        exact = next(
            filter(self._declared.__contains__, beginnings(path)), path
        )
        read_as = next(
            filter(self._folded.__contains__, beginnings(folded(path))), ()
        )
        return exact if folded(exact) == read_as else path
