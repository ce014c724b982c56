"""Requests that an access rule refuses, by the text of their path.

Rules match paths element by element: `/admin` owns `/admin/x`, but not `/adminX`. A refusal
compares the text of the path instead, as gateways with plain prefixes do. It is the decided text:
resolved, decoded, and with its slash at the end. A refused request is decided as if its rule did
not list it.

Some servers read other spellings of a path (access.paths). A refusal also refuses each path that
such a server may read as a refused text.
"""

from __future__ import annotations

from dataclasses import dataclass

from kong_oam.access.data import Names, PathSegments
from kong_oam.access.paths import folded, meets, written


@dataclass(frozen=True, slots=True)
class Refusals:
    """The texts that a rule refuses: `exactly` these, and all that begin with one of `begins`.

    Every text is a declared path. `/orders/` in `begins` refuses all paths below `/orders`.
    """

    exactly: Names = ()
    begins: Names = ()

    def __bool__(self) -> bool:
        return bool(self.exactly or self.begins)

    def refuse(self, path: PathSegments) -> bool:
        """Return whether the text of the path is refused, in any reading of the path."""
        if not self:
            return False
        text = written(path)
        if text in self.exactly or text.startswith(self.begins):
            return True
        patterns = folded(_elements(text))
        return any(_may_be(patterns, other) for other in self.exactly) or any(
            _may_begin(patterns, other) for other in self.begins
        )

    def within(self, other: Refusals) -> bool:
        """Return whether the other refusals list every text of these."""
        exactly = set(self.exactly).issubset(other.exactly)
        return exactly and set(self.begins).issubset(other.begins)

    def words(self) -> str:
        """Return the refused texts: `/auth/v1, /orders/*, /db-manage-auth*`."""
        return ", ".join((*self.exactly, *(f"{text}*" for text in self.begins)))


NO_REFUSALS = Refusals()


def beginning_below(text: str) -> str:
    """Return the text with which all paths below a path begin: `/orders/` of `/orders`."""
    return f"{text.removesuffix('/')}/"


def depth_of(refusals: Refusals) -> int:
    """Return the number of elements of the longest text."""
    texts = (*refusals.exactly, *refusals.begins)
    return max((text.count("/") for text in texts), default=0)


def _elements(text: str) -> PathSegments:
    """Return the elements of a text. The last element is empty if the text ends with a slash."""
    return tuple(text.split("/")[1:])


def _may_be(patterns: PathSegments, text: str) -> bool:
    elements = _elements(text.lower())
    return len(patterns) == len(elements) and all(
        map(meets, patterns, elements)
    )


def _may_begin(patterns: PathSegments, text: str) -> bool:
    *whole, last = _elements(text.lower())
    if len(patterns) <= len(whole) or not all(map(meets, patterns, whole)):
        return False
    first, star, _ = patterns[len(whole)].partition("*")
    return first.startswith(last) or bool(star and last.startswith(first))
