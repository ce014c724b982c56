"""Write the matrix as text with numbered columns and short marks, so that many columns fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count, product

from kong_oam.access.diff.wording import methods
from kong_oam.access.matrix.table import Matrix, Row, caller_words, where
from kong_oam.access.principals import Condition, Principal
from kong_oam.diagnostics import printable

EVERYBODY_MARK = "+"
ITSELF_MARK = "x"
NOBODY_MARK = "."
_LETTERS = "abcdefghijklmnopqrstuvwyz"  # without ITSELF_MARK
_GAP = "  "


def text(matrix: Matrix, bold: Callable[[str], str] = str) -> Iterator[str]:
    """Yield the lines of the matrix, then the meaning of marks and numbers, then the connections
    inside the cluster. `bold` formats a heading."""
    if matrix.rows:
        yield from _table(matrix, bold)
    elif not matrix.connections:
        yield "Nobody may call anything here."
    if matrix.connections:
        if matrix.rows:
            yield ""
        yield bold("Connections inside the cluster")
    for callee, connection in matrix.connections:
        yield printable(f"  {connection.by} {connection.words(callee)}")


def _table(matrix: Matrix, bold: Callable[[str], str]) -> Iterator[str]:
    marks = _marks(matrix)
    numbers = [*map(str, range(1, len(matrix.principals) + 1))]
    size = max(map(len, (*marks.values(), str(len(numbers)))))
    longest = max(len(methods(row.methods)) for row in matrix.rows)
    labels = [
        f"  {methods(row.methods).ljust(longest)}  {printable(where(row))}"
        for row in matrix.rows
    ]
    width = max(map(len, labels))
    yield bold(_line(" " * width, numbers, size))
    previous = None
    for row, label in zip(matrix.rows, labels, strict=True):
        place = row.component, row.host
        if place != previous:
            yield bold(
                printable(f"{row.component}  {matrix.scheme}://{row.host}")
            )
        previous = place
        cells = [
            _mark(row, principal, marks) for principal in matrix.principals
        ]
        yield _line(label.ljust(width), cells, size)
    yield ""
    yield from _legend(matrix, marks, size)


def plain(matrix: Matrix) -> str:
    """Return the lines of the matrix, then its source."""
    return "\n".join((*text(matrix), "", matrix.source, ""))


def _marks(matrix: Matrix) -> dict[Condition, str]:
    """Return a mark for each condition in a cell, in order."""
    names = _names()
    marks = {}
    for row in matrix.rows:
        for _, condition in sorted(row.access.principals.items()):
            if condition not in marks:
                marks[condition] = (
                    next(names) if any(condition) else ITSELF_MARK
                )
    return marks


def _names() -> Iterator[str]:
    """Yield a, b and so on, then aa, ab and so on."""
    for length in count(1):
        yield from map("".join, product(_LETTERS, repeat=length))


def _mark(
    row: Row, principal: Principal | None, marks: dict[Condition, str]
) -> str:
    if row.access.everybody:
        return EVERYBODY_MARK
    condition = row.condition_of(principal)
    return NOBODY_MARK if condition is None else marks[condition]


def _line(label: str, cells: Sequence[str], size: int) -> str:
    return (label + "".join(_GAP + cell.rjust(size) for cell in cells)).rstrip()


def _legend(
    matrix: Matrix, marks: dict[Condition, str], size: int
) -> Iterator[str]:
    columns = zip(matrix.principals, matrix.names(), strict=True)
    for number, (principal, name) in enumerate(columns, start=1):
        users = ", for its users" if principal and principal.users else ""
        yield f"{str(number).rjust(size)}  {name}{users}"
    yield ""
    if any(row.access.everybody for row in matrix.rows):
        yield f"{EVERYBODY_MARK.rjust(size)}  everybody, without a token"
    for condition, mark in sorted(
        marks.items(), key=lambda item: (len(item[1]), item[1])
    ):
        yield f"{mark.rjust(size)}  {caller_words(condition)}"
