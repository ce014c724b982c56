"""The texts of paths that an old Kong can tell apart, by the regions of exposed paths.

A region of a path is everything that the gate decides by the path's own rules: its longest declared
path, element by element. The old Kong cannot tell the texts of a cell apart. A cell has exactly one
declared text, or all texts that continue this text and no longer declared text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kong_oam.access.data import Names, PathSegments
from kong_oam.access.paths import (
    AmbiguousPathError,
    declared,
    written,
)
from kong_oam.access.refusals import beginning_below
from kong_oam.adopt.entities import OldRoute
from kong_oam.adopt.path_text import escaped
from kong_oam.adopt.router import compared_texts


@dataclass(frozen=True, slots=True)
class Cell:
    """Texts of paths: exactly `text`, or all texts that continue it (`continues`).

    `example` is a path of the cell, as a client sends it.
    """

    text: str
    continues: bool
    example: str

    @property
    def words(self) -> str:
        """The cell in words, for a report."""
        if not self.continues:
            return self.text
        return f"{self.text}*"


def elements(text: str) -> PathSegments | None:
    """Return the elements of a text, or None if no Application can declare it."""
    try:
        return declared(text)
    except AmbiguousPathError:
        return None


def declared_texts(routes: Iterable[OldRoute]) -> Names:
    """Return the texts that routes compare, sorted: plain paths and texts of expressions."""
    texts = {"/"}
    for route in routes:
        for path in route.paths:
            texts.update(compared_texts(path))
    return tuple(sorted(text for text in texts if text.startswith("/")))


def paths_of(texts: Iterable[str]) -> tuple[PathSegments, ...]:
    """Return the paths of the texts that an Application can declare, the deepest first."""
    found = {elements(text) for text in texts}
    paths = [path for path in found if path is not None]
    return tuple(sorted(paths, key=lambda path: (-len(path), path)))


def cells_of(
    texts: Iterable[str], paths: Iterable[PathSegments]
) -> dict[PathSegments, list[Cell]]:
    """Return the cells of each region, by its path."""
    every = {*texts}
    for path in paths:
        text = written(path)
        every |= {text, beginning_below(text)}
    known = {*paths}
    regions: dict[PathSegments, list[Cell]] = {path: [] for path in known}
    ordered = sorted(every)
    for index, text in enumerate(ordered):
        for continues in (False, True):
            region = _region(text, continues, known)
            example = text
            if continues:
                example += _continuation(text, ordered, index)
            cell = Cell(text, continues, escaped(example))
            regions[region].append(cell)
    return regions


def _region(
    text: str, continues: bool, known: set[PathSegments]
) -> PathSegments:
    """Return the longest known path that owns the texts of a cell."""
    parts = text.split("/")[1:]
    # The last element may go on, or is empty after a slash.
    if continues or not parts[-1]:
        parts = parts[:-1]
    path = tuple(parts)
    while path not in known:
        path = path[:-1]
    return path


def _continuation(text: str, ordered: list[str], index: int) -> str:
    """Return an ending with which no declared text begins."""
    longer = []
    for other in ordered[index + 1 :]:
        if not other.startswith(text):
            break
        longer.append(other)
    used = {other[len(text)] for other in longer}
    for letter in "xyzabcdefghijklmnopqrstuvw0123456789":
        if letter not in used:
            return letter
    # Longer than every declared text.
    return "x" * max(map(len, longer))
