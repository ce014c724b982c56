"""The texts by which the refusals of a site's rules distinguish paths (access.refusals).

A text divides the paths that begin with it, or exactly one path, from all others. All texts are
compared in small letters. The sets of paths of declared paths and texts form a tree: of two sets,
one contains the other, or they share no path.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from string import ascii_lowercase, digits
from typing import Literal

from kong_oam.access.data import PathSegments
from kong_oam.access.paths import beginnings, written
from kong_oam.access.refusals import Refusals, beginning_below

Form = Literal["", "begins", "exactly"]

# Signs that may continue a text. No declared path contains the last sign, so that no text
# continues with all of them.
_CONTINUING = f"x{ascii_lowercase}{digits}^"


@dataclass(frozen=True, slots=True)
class PathText:
    """The paths that begin with a text, or exactly this text. An empty form means no text."""

    form: Form
    text: str

    @property
    def order(self) -> tuple[int, str, str]:
        """The sort key: a text precedes the texts that begin with it."""
        return len(self.text), self.text, self.form

    @property
    def lower(self) -> PathText:
        return PathText(self.form, self.text.lower())


NO_TEXT = PathText("", "")


def texts_of(refusals: Refusals) -> Iterator[PathText]:
    """Yield the texts of refusals."""
    for text in refusals.exactly:
        yield PathText("exactly", text)
    for text in refusals.begins:
        yield PathText("begins", text)


class Texts:
    """The texts of a site, each below the longest declared path with all its paths."""

    def __init__(
        self, texts: Iterable[PathText], declared: Collection[PathSegments]
    ) -> None:
        # As written, by the text in small letters.
        self._written: dict[PathText, str] = {}
        self._below: dict[PathSegments, list[PathText]] = defaultdict(list)
        for text in sorted(texts, key=lambda text: text.order):
            lower = text.lower
            owner = _owner(lower, declared)
            if owner is not None and lower not in self._written:
                self._written[lower] = text.text
                self._below[owner].append(lower)

    def __bool__(self) -> bool:
        return bool(self._written)

    def below(self, path: PathSegments) -> list[PathText]:
        """Return the texts right below a path in small letters."""
        return self._below.get(path, [])

    def longest(self, owner: PathSegments, path: PathSegments) -> PathText:
        """Return the longest text of a path below its longest declared path. Both are in small
        letters."""
        if owner not in self._below:
            return NO_TEXT
        text = written(path)
        exactly = PathText("exactly", text)
        if exactly in self._written:
            return exactly
        return next(self._beginning(text, owner), NO_TEXT)

    def around(self, text: PathText, owner: PathSegments) -> Iterator[PathText]:
        """Yield the texts around a text below the same declared path, the nearest first, and no
        text."""
        if text == NO_TEXT:
            return
        for outer in self._beginning(text.text, owner):
            if outer != text:
                yield outer
        yield NO_TEXT

    def containing(
        self, path: PathSegments, owner: PathSegments
    ) -> Iterator[PathText]:
        """Yield the texts that contain a declared path below another, and no text."""
        if owner in self._below:
            yield from self._beginning(written(path), owner)
        yield NO_TEXT

    def _beginning(self, text: str, owner: PathSegments) -> Iterator[PathText]:
        """Yield the texts below a declared path with which a text begins, the longest first."""
        shortest = len(_below(owner))
        for length in range(len(text), shortest - 1, -1):
            found = PathText("begins", text[:length])
            if found in self._written:
                yield found

    def examples(
        self, text: PathText, prefix: PathSegments, owner: PathSegments
    ) -> tuple[PathSegments, Iterator[PathSegments]]:
        """Return the path of a text below a prefix, and paths that may be examples of its class.

        `prefix` is the declared path `owner` in some spelling. If the class has a path, an example
        is among these.
        """
        spelled = _below(prefix).removesuffix("/")
        if text == NO_TEXT:
            endings = ("", "/", *(f"/{sign}" for sign in _CONTINUING))
            return prefix, (segments(spelled + ending) for ending in endings)
        spelled += self._written[text][len(_below(owner)) - 1 :]
        endings = ("",) if text.form == "exactly" else ("", *_CONTINUING)
        examples = (segments(spelled + ending) for ending in endings)
        return segments(spelled), examples


def segments(text: str) -> PathSegments:
    """Return the elements of a path's text. The last element is empty if the text ends with a
    slash."""
    elements = tuple(text.split("/")[1:])
    return () if elements in ((), ("",)) else elements


def _owner(
    text: PathText, declared: Collection[PathSegments]
) -> PathSegments | None:
    """Return the longest declared path that owns all paths of the text."""
    elements = segments(text.text)
    is_part = text.form == "begins" or elements[-1:] == ("",)
    above = elements[:-1] if is_part else elements
    return next(filter(declared.__contains__, beginnings(above)), None)


def _below(path: PathSegments) -> str:
    """Return the beginning of all paths below a path."""
    return beginning_below(written(path))
