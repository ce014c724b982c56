"""Diagnostics: what is wrong, where, and what to do about it.

One type for every finding of the project, so that the command, the program and later SARIF print
the same thing:

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
    """What a stable code means in one line, and what to do about it. Each package has its own;
    `codes.py` has them all."""

    title: str
    remedy: str


class Position(Protocol):
    """Where a finding is: `str` gives `file:line:column`, counted from 1; `excerpt` the source line
    and a caret."""

    @property
    def file(self) -> str: ...

    @property
    def line(self) -> int: ...

    @property
    def column(self) -> int: ...

    def excerpt(self) -> str: ...


_LISTED = 12
"""How many names are listed where a word is near none of them."""
_FEW = 5
_SHORT = 120
"""How many characters names in a message take, which has some 300."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `position` is None only where no file is at fault (an empty folder, say). `details`
    are lines below."""

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
"""What a check yields of what it looks at."""
Diagnostics = tuple[Diagnostic, ...]

Report = list[Diagnostic]
"""Where checks add what they find."""

Codes = Mapping[str, Code]
"""The meaning of each code."""


def printable(text: str) -> str:
    """Make a text printable: on one line, and without what could steer a terminal, or a runner of
    GitHub, for which `##[` begins a command wherever it stands."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else "?" for c in text)
    return text.replace("##[", "##?")


def own_line(text: str) -> str:
    """The same, for a line of its own: one that begins with `::`, after spaces or not, is a command
    there, too."""
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
    """Sort diagnostics by file and line, each once: the same input always prints the same text."""

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
    """Return the first few of a list, and how many more there are; nothing of an empty one.

    Never more than five, nor a second one that would make a message long.
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
    """A hint: `; did you mean 'gateway'?`, or all names when none is near: the first of them, where
    there are many. Capitals are no difference."""
    choices = sorted(names)
    more = (
        f" and {len(choices) - _LISTED} more" if len(choices) > _LISTED else ""
    )
    known = f"; known: {', '.join(choices[:_LISTED])}{more}" if choices else ""
    return nearest(word, choices, 1) or known


def nearest(word: str, names: Iterable[str], count: int = 3) -> str:
    """A hint: `; did you mean 'Sales' or 'Sales EU'?`, never a list of all names; capitals are no
    difference."""
    by_folded = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(
        word.casefold(), by_folded, n=count, cutoff=0.6
    )
    if not near:
        return ""
    names = [repr(by_folded[name]) for name in near]
    return f"; did you mean {' or '.join(names)}?"
