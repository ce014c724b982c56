"""Diagnostics: findings with a position and a remedy.

All findings of the project have this type, so that the command, the program and SARIF print the
same text:

    orders.yaml:14:9: error OAM104: unknown trait type 'gatway'; did you mean 'gateway'?
       14 |       - type: gatway
          |         ^
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Code:
    """The meaning of a stable code in one line, and its remedy.

    Each package has its own codes; `codes.py` has them all.
    """

    title: str
    remedy: str


class Position(Protocol):
    """The position of a finding. `str` gives `file:line:column` from 1; `excerpt` the source line
    with a caret."""

    @property
    def file(self) -> str: ...

    @property
    def line(self) -> int: ...

    @property
    def column(self) -> int: ...

    def excerpt(self) -> str: ...


# The most names in a list of known names.
_LISTED = 12
_FEW = 5
# Shorter names differ by one slip by chance.
_SHORTEST = 4
# The most characters of names in a message, which has at most 300.
_SHORT = 120


@dataclass(frozen=True, slots=True)
class Related:
    """Another position that a finding rests on, such as `role 'viewer'` at a role."""

    label: str
    position: Position


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `position` is None only without a faulty file, such as for an empty folder.

    `details` are lines below the message. `command` shows the finding by an example.
    """

    code: str
    message: str
    position: Position | None = None
    severity: Literal["error", "warning"] = "error"
    details: tuple[str, ...] = ()
    related: tuple[Related, ...] = ()
    command: str = ""

    def __str__(self) -> str:
        where = f"{self.position}: " if self.position else ""
        head = f"{where}{self.severity} {self.code}: {self.message}"
        excerpt = self.position.excerpt() if self.position else ""
        lines = [head, *self.details, *excerpt.splitlines()]
        for related in self.related:
            lines.append(f"      = {related.label}: {related.position}")
        if self.command:
            lines.append(f"      = run: {self.command}")
        return "\n".join(map(safe_line, lines))


# The result of a check.
Findings = Iterator[Diagnostic]
Diagnostics = tuple[Diagnostic, ...]

# The list to which checks add findings.
Report = list[Diagnostic]

# The meaning of each code.
Codes = Mapping[str, Code]


def printable(text: str) -> str:
    """Return the text on one line, without characters that control a terminal.

    `##[` is replaced, too: it begins a command for GitHub's runners.
    """
    if not text.isprintable():
        text = "".join(c if c.isprintable() else "?" for c in text)
    return text.replace("##[", "##?")


def safe_line(text: str) -> str:
    """Return a printable text that is a whole line. GitHub's runners read a line that begins with
    `::` as a command."""
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
    """Sort diagnostics by file and line, each once, so that the same input prints the same text."""

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
    """Return the first entries of a list and the number of others; "" for an empty list.

    It shows at most five entries, and fewer if they make the message long.
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

    Capitals do not matter.
    """
    choices = sorted(names)
    return nearest(word, choices, 1) or _known(choices)


def suggestion_of_typo(word: str, names: Iterable[str]) -> str:
    """Return the hint of `nearest_typo`, or the first known names if no name differs by one typing
    error.

    For names that give access: a name that is merely similar may give more than the writer wants.
    """
    choices = sorted(names)
    return nearest_typo(word, choices) or _known(choices)


def _known(choices: Sequence[str]) -> str:
    """Return the first known names, or nothing without names."""
    if not choices:
        return ""
    more = (
        f" and {len(choices) - _LISTED} more" if len(choices) > _LISTED else ""
    )
    return f"; known: {', '.join(choices[:_LISTED])}{more}"


def nearest(word: str, names: Iterable[str], count: int = 3) -> str:
    """Return a hint of similar names: `; did you mean 'Sales' or 'Sales EU'?`. Capitals do not
    matter."""
    by_folded = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(
        word.casefold(), by_folded, n=count, cutoff=0.6
    )
    if not near:
        return ""
    names = [repr(by_folded[name]) for name in near]
    return f"; did you mean {' or '.join(names)}?"


def nearest_typo(word: str, names: Iterable[str]) -> str:
    """Return the hint of `nearest` for a name that differs by one typing error only.

    For hosts and origins: unrelated names share most letters, such as `.example.com`. For groups
    and clients: a similar name may be another team's.
    """
    folded = word.casefold()
    near = [name for name in names if is_one_slip(folded, name.casefold())]
    return nearest(word, near)


def is_one_slip(a: str, b: str) -> bool:
    """Return whether one typing error turns one name into the other.

    The error adds, removes, replaces or swaps characters. Digits are no errors: `team-1` and
    `team-2` are two teams.
    """
    shorter, longer = sorted((a, b), key=len)
    if len(shorter) < _SHORTEST:
        return False
    pairs = zip(shorter, longer, strict=False)
    same = next(
        (index for index, (x, y) in enumerate(pairs) if x != y), len(shorter)
    )
    left = shorter[same:]
    right = longer[same:]
    if any(character.isdigit() for character in left[:1] + right[:1]):
        return False
    exchanged = left[:2] == right[1::-1] and left[2:] == right[2:]
    return exchanged or right[1:] in (left, left[1:])
