"""Say whether the component of an address can answer as the old Kong does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kong_oam.access.data import PathSegments
from kong_oam.access.forward import Forward
from kong_oam.access.paths import AmbiguousPathError, read_text, written
from kong_oam.adopt.acting import Reason
from kong_oam.adopt.answers import only_replaces_path
from kong_oam.adopt.entities import OldPlugin
from kong_oam.adopt.writing.addresses import Address, Way
from kong_oam.adopt.writing.cells import Cell
from kong_oam.adopt.writing.networks import networks_of
from kong_oam.adopt.writing.outcomes import Outcome
from kong_oam.adopt.writing.sites import (
    Site,
    Sites,
    changing,
    conditions_of,
    unknown_condition,
)
from kong_oam.oam.position import Document, SourcePosition

_NOWHERE = SourcePosition(Document("", "", 0, None))

# By method, what the old Kong does with the requests of a cell.
ByMethod = Mapping[str, Outcome]
# The cells of a region with their outcomes.
Cells = list[tuple[Cell, ByMethod]]


@dataclass(slots=True)
class Region:
    """A path of a host, with its cells.

    `address` is None while the path is not exposed. `target` is the path at the workload. `left`:
    why the old route keeps the path; empty also for a path that no answering route declares.
    """

    path: PathSegments
    cells: Cells
    address: Address | None = None
    target: str = ""
    networks: dict[str, OldPlugin | None] = field(default_factory=dict)
    left: list[Reason] = field(default_factory=list)

    def sent(self, path: PathSegments) -> str:
        """Return the path that the workload gets for a path of the region."""
        forward = Forward("", self.path, self.target, _NOWHERE)
        return forward.sent(path)


@dataclass(frozen=True, slots=True)
class Judge:
    """Says whether the component of an address can answer as the old Kong does."""

    sites: Sites
    problems: Mapping[Address, str]
    consumers: Mapping[str, str]

    def unfit(
        self, region: Region, cell: Cell, method: str, outcome: Outcome
    ) -> str:
        """Return why the region's component cannot answer so; empty if it can."""
        way = outcome.way
        if outcome.reasons:
            return outcome.reasons[0].text
        if way is None or region.address is None:
            return "it has no service"
        if problem := self.problems.get(way.address, ""):
            return problem
        if way.address != region.address:
            return "other requests of the path lead to another service"
        site = self.sites.site(way.address)
        return (
            _unlike(site, outcome, way)
            or self._unknown_callers(site, outcome)
            or self._other_networks(region, method, outcome)
            or _other_path(region, cell, outcome, way)
        )

    def _unknown_callers(self, site: Site, outcome: Outcome) -> str:
        if outcome.route is None:
            return ""
        for kind in outcome.kinds:
            credential = self.sites.credential(outcome.route, kind)
            if isinstance(credential, str):
                return credential
            if credential != site.credential:
                return "other routes of its service take credentials elsewhere"
        return _first(
            self.consumers[name] for name, _ in sorted(outcome.holders)
        )

    def _other_networks(
        self, region: Region, method: str, outcome: Outcome
    ) -> str:
        if outcome.networks is not region.networks.get(method):
            return "other requests of the path have another ip-restriction"
        if networks_of(outcome.networks) is None:
            return "its ip-restriction is unclear"
        return ""


def _unlike(site: Site, outcome: Outcome, way: Way) -> str:
    if way.host_header != site.host_header:
        return "other routes of its service get another Host header"
    if plugin := unknown_condition(outcome):
        return f"{plugin.label} denies some requests"
    if conditions_of(outcome) != site.conditions:
        return "other routes of its service have other plugins"
    if plugin := changing(outcome.also):
        return f"{plugin.label} changes requests or answers"
    return ""


def _other_path(region: Region, cell: Cell, outcome: Outcome, way: Way) -> str:
    path = text_of(cell.example)
    if path is None:
        return "no rule can name its path"
    if region.sent(path) == _unescaped(way.path):
        return ""
    if any(map(only_replaces_path, outcome.also)):
        return f"request-transformer sends paths below it to {way.path}, too"
    return "its path at the service has no rule"


def _first(texts: Iterable[str]) -> str:
    return next(filter(None, texts), "")


def text_of(example: str) -> PathSegments | None:
    """Return the path of an example as the gate reads it, or None if the gate denies it."""
    try:
        return read_text(example.encode("latin-1"))
    except AmbiguousPathError:
        return None


def _unescaped(path: str) -> str:
    read = text_of(path)
    return path if read is None else written(read)
