"""Divide the requests of invariants into places, so that equal questions are asked once.

A place is a class of a site's paths (access.request_classes). An invariant may divide a class by
its path, but the callers on both sides are the same. Invariants with the same callers and methods
form a family. So a site with 1,000 invariants needs one answer for each of its classes and each
family. Sites with the same paths share a plan.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import (
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from typing import Literal

from kong_oam.access.data import Names, PathSegments
from kong_oam.access.domains import mapped_domain
from kong_oam.access.hosts import hosts_above
from kong_oam.access.model import Estate
from kong_oam.access.path_texts import PathText
from kong_oam.access.paths import beginnings, folded, within
from kong_oam.access.request_classes import path_classes
from kong_oam.access.sites import SitesByHost
from kong_oam.access.stack import Stack
from kong_oam.invariants.model import ANY_HOST, CallInvariant, Requests, Who

# Invariants by their indexes.
Indexed = Mapping[int, CallInvariant]


@dataclass(frozen=True, slots=True)
class Family:
    """The values of invariants that the same callers break."""

    kind: Literal["never", "only"]
    who: Who
    methods: Names


# The index of an invariant, and a path of its requests.
Asked = tuple[int, PathSegments]
# By place: the families with their invariants.
Plan = Mapping[PathSegments, Mapping[Family, Sequence[Asked]]]


def lower(path: PathSegments) -> PathSegments:
    """Return a path in small letters."""
    return tuple(element.lower() for element in path)


def covers_host(requests: Requests, site: str, stack: Stack) -> bool:
    """Return whether the requests include all hosts of a site."""
    host = mapped_domain(requests.host, stack)
    return host == ANY_HOST or host in hosts_above(site)


def covers_path(
    requests: Requests,
    path: PathSegments,
    declared: Collection[PathSegments],
) -> bool:
    """Return whether the requests include a path of a site.

    Capitals do not matter in paths that the site's Applications declare.
    """
    asked = requests.path
    if within(path, asked) or not within(lower(path), lower(asked)):
        return within(path, asked)
    for beginning in beginnings(path):
        if beginning in declared:
            length = len(beginning)
            return path[length : len(asked)] == asked[length:]
    return False


def _all_requests(invariant: CallInvariant) -> Iterator[Requests]:
    """Yield the requests of an invariant and of its exceptions."""
    yield invariant.may
    for exception in invariant.exceptions:
        if exception.may is not None:
            yield exception.may


class Places:
    """The places of an estate's sites. Not frozen, because plans are kept."""

    def __init__(self, invariants: Indexed, estate: Estate) -> None:
        self._invariants = invariants
        self._estate = estate
        self._sites = SitesByHost(estate)
        self._by_host: dict[str, list[int]] = defaultdict(list)
        self._named = {*estate.by_host}
        for index, invariant in invariants.items():
            host = mapped_domain(invariant.may.host, estate.stack)
            self._by_host[host].append(index)
            for requests in _all_requests(invariant):
                self._named.add(mapped_domain(requests.host, estate.stack))
        self._divisions: dict[object, _Division] = {}
        self._plans: dict[tuple[int, str], Plan] = {}

    def sites(self) -> Iterator[tuple[str, Sequence[Plan]]]:
        """Yield the sites that some invariant concerns, with plans.

        A host that only an invariant names is a site if a wildcard of the estate answers it.
        """
        for name in sorted(self._named - {ANY_HOST}):
            patterns = [ANY_HOST, *hosts_above(name)]
            asked = [*filter(self._by_host.get, patterns)]
            if asked and any(map(self._estate.by_host.get, patterns)):
                division = self._division(name, asked)
                yield name, [self._plan(division, host) for host in asked]

    def _division(self, site: str, hosts: Iterable[str]) -> _Division:
        declared = frozenset(self._sites.declared(site))
        texts = frozenset(self._sites.texts(site))
        asked: set[PathSegments] = set()
        if texts:
            # A text of a refusal may begin inside an element. So the invariants divide the classes.
            by_lower = _by_lower(declared)
            for host in hosts:
                for index in self._by_host[host]:
                    for requests in _all_requests(self._invariants[index]):
                        asked.update(_spellings(requests.path, by_lower))
        key = declared, frozenset(asked), texts
        if key not in self._divisions:
            self._divisions[key] = _Division(*key)
        return self._divisions[key]

    def _plan(self, division: _Division, host: str) -> Plan:
        key = id(division), host
        if key not in self._plans:
            places: dict[PathSegments, dict[Family, list[Asked]]] = {}
            for index in self._by_host[host]:
                invariant = self._invariants[index]
                family = Family(
                    invariant.kind, invariant.who, invariant.may.methods
                )
                for path, place in division.paths_of(invariant):
                    families = places.setdefault(place, {})
                    families.setdefault(family, []).append((index, path))
            self._plans[key] = places
        return self._plans[key]


def _by_lower(
    paths: Iterable[PathSegments],
) -> Mapping[PathSegments, Sequence[PathSegments]]:
    by_lower: dict[PathSegments, list[PathSegments]] = defaultdict(list)
    for path in sorted(paths):
        by_lower[lower(path)].append(path)
    return by_lower


def _spellings(
    path: PathSegments,
    by_lower: Mapping[PathSegments, Sequence[PathSegments]],
) -> Iterator[PathSegments]:
    """Yield a path, and the path below each declared path that differs only in capitals."""
    yield path
    for beginning in beginnings(lower(path)):
        for declared in by_lower.get(beginning, ()):
            spelled = (*declared, *path[len(declared) :])
            if spelled != path:
                yield spelled


class _Division:
    """The classes of a site's paths. Declared paths, asked paths and texts of refusals make them.

    An asked path is a path of an invariant. It divides classes, but it is not declared.
    """

    def __init__(
        self,
        declared: Collection[PathSegments],
        asked: Collection[PathSegments],
        texts: Iterable[PathText],
    ) -> None:
        self._declared = declared
        self._by_lower = _by_lower(declared)
        self._dividing = {*declared, *asked}
        self._folded = {*map(folded, self._dividing)}
        self._below: dict[PathSegments, list[PathSegments]] = defaultdict(list)
        for path_class in path_classes(self._dividing, texts):
            for beginning in beginnings(lower(path_class.path)):
                self._below[beginning].append(path_class.path)

    def paths_of(
        self, invariant: CallInvariant
    ) -> Iterator[tuple[PathSegments, PathSegments]]:
        """Yield a path of each class that an invariant's requests have, with its place."""
        may = invariant.may
        for requests in _all_requests(invariant):
            for path in _spellings(requests.path, self._by_lower):
                is_divided = path in self._dividing
                if not is_divided and covers_path(may, path, self._declared):
                    yield path, self._place(path)
        for path in self._below.get(lower(may.path), ()):
            if covers_path(may, path, self._declared):
                yield path, path

    def _place(self, path: PathSegments) -> PathSegments:
        """Return the longest dividing path that begins the path, or the path itself."""
        dividing = filter(self._dividing.__contains__, beginnings(path))
        exact = next(dividing, path)
        read = filter(self._folded.__contains__, beginnings(folded(path)))
        return exact if folded(exact) == next(read, ()) else path
