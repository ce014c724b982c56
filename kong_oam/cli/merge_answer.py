"""The types of the answer of `merge`."""

from __future__ import annotations

from typing import TypedDict

from kong_oam.cli.crossing import CrossingAnswer
from kong_oam.cli.entries import FindingEntry, PlaceEntry


class CollisionEntry(TypedDict):
    """A name or a value that both estates use. The patch writes `new`; without a new name, the
    remedy is work by hand."""

    kind: str
    name: str
    a: PlaceEntry | None
    b: PlaceEntry | None
    new: str | None
    remedy: str | None


class MergeAnswer(TypedDict):
    """The collisions of two estates, and the findings and calls that remain after the patch."""

    collisions: list[CollisionEntry]
    findings: list[FindingEntry]
    crossing: CrossingAnswer
