"""Diagnostics: messages with a position and a remedy.

All findings of the project use one type, so that the command, the program and SARIF print the same
text:

    applications/orders.yaml:14:9: error OAM104: unknown trait type 'gatway'; did you mean 'gateway'?
       14 |       - type: gatway
          |         ^
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Code:
    """The title and the remedy of a stable code. Each package has a table; `codes.py` joins them."""

    title: str
    remedy: str


class Position(Protocol):
    """The position of a finding. `str` returns `file:line:column`, counted from 1; `excerpt`
    returns the source line and a caret."""

    @property
    def file(self) -> str: ...

    @property
    def line(self) -> int: ...

    @property
    def column(self) -> int: ...

    def excerpt(self) -> str: ...


_LISTED = 12
"""The number of names that a message lists if no name is similar."""
_FEW = 5
_SHORT = 120
"""The number of characters for names in a message of about 300 characters."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A finding. `position` is None only if no file is at fault, such as for an empty folder.
    `details` are further lines."""

    code: str
    message: str
    position: Position | None = None
    severity: Literal["error", "warning"] = "error"
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f"{self.position}: " if self.position else ""
        head = f"{where}{self.severity} {self.code}: {self.message}"
        excerpt = self.position.excerpt() if self.position else ""
        lines = (head, *self.details, *excerpt.splitlines())
        return "\n".join(map(own_line, lines))


Findings = Iterator[Diagnostic]
"""The findings of a check."""
Diagnostics = tuple[Diagnostic, ...]

Report = list[Diagnostic]
"""A list to which checks append findings."""

Codes = Mapping[str, Code]
"""The meaning of each code."""


def printable(text: str) -> str:
    """Replace control characters and line ends. Also break `##[`, which begins a command of
    GitHub's runners at any position."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else "?" for c in text)
    return text.replace("##[", "##?")


def own_line(text: str) -> str:
    """Return a printable line. `::` at its start, also after spaces, is a command of GitHub's
    runners and gets a prefix."""
    shown = printable(text)
    return f"| {shown}" if shown.lstrip().startswith("::") else shown


def errors(diagnostics: Iterable[Diagnostic]) -> Diagnostics:
    """Return the diagnostics that stop a deployment."""
    return tuple(
        diagnostic
        for diagnostic in diagnostics
        if diagnostic.severity == "error"
    )


def ordered(diagnostics: Iterable[Diagnostic]) -> Diagnostics:
    """Sort diagnostics by position without duplicates, so that equal input prints equal text."""

    def sort_key(diagnostic: Diagnostic) -> tuple[str, int, int, str, str]:
        position = diagnostic.position
        where = (
            (position.file, position.line, position.column)
            if position
            else ("", 0, 0)
        )
        return (*where, diagnostic.code, diagnostic.message)

    return tuple(sorted(dict.fromkeys(diagnostics), key=sort_key))


def some(words: Iterable[str], joint: str = ", ") -> str:
    """Join the first words of a list, with the number of the others. An empty list gives an empty
    text.

    At most five words are shown, and fewer if they are long.
    """
    listed = list(words)
    shown = 0
    length = 0
    for word in listed[:_FEW]:
        length += len(word) + len(joint)
        if shown and length > _SHORT:
            break
        shown += 1
    more = len(listed) - shown
    return joint.join(listed[:shown]) + (
        f" and {more} more" if more > 0 else ""
    )


def suggestion(word: str, names: Iterable[str]) -> str:
    """Return a hint: `; did you mean 'gateway'?`, or the first known names if no name is similar.
    Case is ignored."""
    choices = sorted(names)
    more = (
        f" and {len(choices) - _LISTED} more" if len(choices) > _LISTED else ""
    )
    known = f"; known: {', '.join(choices[:_LISTED])}{more}" if choices else ""
    return nearest(word, choices, 1) or known


def nearest(word: str, names: Iterable[str], count: int = 3) -> str:
    """Return a hint such as `; did you mean 'Sales' or 'Sales EU'?`, or an empty text if no name is
    similar. Case is ignored."""
    by_folded = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(
        word.casefold(), by_folded, n=count, cutoff=0.6
    )
    if not near:
        return ""
    names = [repr(by_folded[name]) for name in near]
    return f"; did you mean {' or '.join(names)}?"
