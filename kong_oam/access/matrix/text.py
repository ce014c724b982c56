"""The matrix as text: columns are numbered, and cells are marks, so that many fit beside each other."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from itertools import count, product

from kong_oam.access.diff.wording import methods, users
from kong_oam.access.matrix.matrix import Matrix, where
from kong_oam.access.matrix.rows import Row
from kong_oam.access.principals import Condition, Principal
from kong_oam.diagnostics import printable

EVERYBODY_MARK, ITSELF_MARK, NOBODY_MARK = "+", "x", "."
_LETTERS = "abcdefghijklmnopqrstuvwyz"  # without the mark
_NARROWEST = 36
"""Characters that paths have at least, on however narrow a terminal."""
_GAP = "  "


def text(matrix: Matrix, width: int | None = None, bold: Callable[[str], str] = str) -> Iterator[str]:
    """Yields the lines of the matrix, with what marks and numbers stand for below it.

    Columns that do not fit into `width` characters are left out, and the last line says so; None: all fit. `bold` makes
    a heading of a line.
    """
    if not matrix.rows:
        yield "Nobody may call anything here."
        return
    marks = _marks(matrix)
    size = max(len(mark) for mark in (*marks.values(), str(len(matrix.principals))))
    label, fitting = _layout(matrix, size, width)
    longest = _longest_methods(matrix)
    columns = matrix.principals[:fitting]
    yield bold(_line(" " * label, [str(number) for number in range(1, fitting + 1)], size))
    previous = None
    for row in matrix.rows:
        if previous != (previous := (row.component, row.host)):
            yield bold(printable(f"{row.component}  {matrix.scheme}://{row.host}"))
        first, *more = _wrapped(row, longest, label)
        yield _line(first.ljust(label), [_mark(row, one, marks) for one in columns], size)
        yield from more
    yield ""
    yield from _legend(matrix, columns, marks)
    if left_out := len(matrix.principals) - fitting:
        yield (
            f"{left_out} of {len(matrix.principals)} principals do not fit: name some with --principal, or take "
            "--format csv or html"
        )


def _marks(matrix: Matrix) -> dict[Condition, str]:
    """A mark for every condition that a cell has, in order."""
    found = dict.fromkeys(condition for row in matrix.rows for _, condition in sorted(row.access.principals.items()))
    names = ("".join(letters) for length in count(1) for letters in product(_LETTERS, repeat=length))
    return {condition: next(names) if any(condition) else ITSELF_MARK for condition in found}


def _mark(row: Row, principal: Principal | None, marks: dict[Condition, str]) -> str:
    if row.access.everybody:
        return EVERYBODY_MARK
    condition = row.access.principals.get(principal) if principal else None
    return NOBODY_MARK if condition is None else marks[condition]


def _layout(matrix: Matrix, size: int, width: int | None) -> tuple[int, int]:
    """How wide the labels of rows are, and how many columns fit beside them: all, if shorter labels help that."""
    longest = _longest_methods(matrix)
    widest = max(len(line) for row in matrix.rows for line in _wrapped(row, longest, None))
    each, wanted = len(_GAP) + size, len(matrix.principals)
    if width is None:
        return widest, wanted
    label = min(widest, max(_NARROWEST, width - each * wanted))
    return label, max(1, min(wanted, (width - label) // each))


def _longest_methods(matrix: Matrix) -> int:
    return max(len(methods(row.methods)) for row in matrix.rows)


def _wrapped(row: Row, longest: int, width: int | None) -> list[str]:
    """Methods and paths of a row, on one line or, where a width is given, on several."""
    start = f"  {methods(row.methods).ljust(longest)}  "
    paths = printable(where(row))
    if width is None or len(start) + len(paths) <= width:
        return [start + paths]
    room = max(10, width - len(start))
    lines = textwrap.wrap(paths, room, break_on_hyphens=False, subsequent_indent="  ")
    return [f"{start if number == 0 else ' ' * len(start)}{line}" for number, line in enumerate(lines)]


def _line(label: str, cells: Sequence[str], size: int) -> str:
    return (label + "".join(_GAP + cell.rjust(size) for cell in cells)).rstrip()


def _legend(matrix: Matrix, columns: Sequence[Principal | None], marks: dict[Condition, str]) -> Iterator[str]:
    size = max(len(str(len(columns))), *map(len, marks.values()), 1)
    for number, (principal, name) in enumerate(zip(columns, matrix.names(), strict=False), start=1):
        yield f"{str(number).rjust(size)}  {name}{', for its users' if principal and principal.users else ''}"
    yield ""
    if any(row.access.everybody for row in matrix.rows):
        yield f"{EVERYBODY_MARK.rjust(size)}  everybody, without a token"
    shown = {row.access.principals[one] for row in matrix.rows for one in row.access.principals.keys() & {*columns}}
    for condition, mark in sorted(marks.items(), key=lambda item: (len(item[1]), item[1])):
        if condition in shown:
            yield f"{mark.rjust(size)}  {f'users in {users(condition)}' if any(condition) else 'as itself'}"
