"""The elements of paths that estates declare: a class of calls keeps only these.

`decide` distinguishes two paths of a component only by declared elements: of endpoints that may
take the request, of rules, and of refused texts. Other elements count together, as `~`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kong_oam.access.data import PathSegments
from kong_oam.access.model import Component, Estate
from kong_oam.access.paths import beginnings, written
from kong_oam.access.refusals import Refusals

# The element that stands for all undeclared elements.
REST = "~"


@dataclass(frozen=True, slots=True)
class Declared:
    """The declarations of estates.

    `prefixes`: pairs of a component and a path with declared elements, in small letters. The set
    has every beginning of its paths. `whole`: pairs of a component and a regular expression; a path
    that matches stays whole. `addressed`: pairs of a component and a rule path with an `ip-allow`.
    """

    prefixes: frozenset[tuple[str, str]]
    whole: frozenset[tuple[str, str]]
    addressed: frozenset[tuple[str, str]]

    @property
    def depth(self) -> int:
        """The number of elements of the longest path."""
        return max((path.count("/") for _, path in self.prefixes), default=0)

    @property
    def text(self) -> str:
        """All declared characters."""
        return "".join(path for _, path in self.prefixes)


def declared_in(estates: Iterable[Estate]) -> Declared:
    """Return what the components of any of the estates declare."""
    prefixes = set[tuple[str, str]]()
    whole = set[tuple[str, str]]()
    addressed = set[tuple[str, str]]()
    for estate in estates:
        for component in estate.exposed:
            key = component.key
            for path in _paths(estate, component):
                if REST in path:
                    # The element is declared, so it cannot stand for others.
                    whole.add((key, re.escape(written(path[:-1]).lower())))
                for beginning in beginnings(path):
                    if beginning:
                        prefixes.add((key, written(beginning).lower()))
            for rule in component.exposure.rules:
                for pattern in _whole(rule.refusals):
                    whole.add((key, pattern))
            for owner in component.allowed_from:
                addressed.add((key, written(owner)))
    return Declared(frozenset(prefixes), frozenset(whole), frozenset(addressed))


def _paths(estate: Estate, component: Component) -> Iterator[PathSegments]:
    """Yield the declared paths that decide which component and rule own a request."""
    for rule in component.exposure.rules:
        yield rule.path
        for text in (*rule.refusals.exactly, *rule.refusals.begins):
            yield tuple(filter(None, text.split("/")))
    for endpoint in component.exposure.endpoints:
        place = endpoint.host, endpoint.path
        rivals = [*estate.below[place], *estate.below_wildcard.get(place, ())]
        for rival, _ in rivals:
            yield rival.path


def _whole(refusals: Refusals) -> Iterator[str]:
    """Yield a regular expression for each refused text that is no end of an element."""
    for text in refusals.begins:
        if not text.endswith("/"):
            yield f"{re.escape(text.lower())}[^/]"
    for text in refusals.exactly:
        if text.endswith("/"):
            yield f"{re.escape(text.lower())}$"
