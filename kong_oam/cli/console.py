"""The console of the verbs: text, with colours on a terminal, or JSON."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

from kong_oam.cli.limit import as_line, limited
from kong_oam.diagnostics import printable

Colour = Literal["red", "yellow", "green", "bold"]

_CODES: dict[Colour, str] = {
    "red": "31",
    "yellow": "33",
    "green": "32",
    "bold": "1",
}
MODULE = "python -m kong_oam"
SCRIPT = "kong-oam"
"""Names of the command: in a clone of the project, and after an installation."""

_PAINT_OR_LINE_END = re.compile(
    f"(\x1b\\[(?:0|{'|'.join(_CODES.values())})m|\n)"
)


@dataclass(frozen=True, slots=True)
class Console:
    """An output stream with or without colours. `json` and `limit` are the values of `--json` and
    `--limit`."""

    out: TextIO
    colours: bool = False
    json: bool = False
    limit: int | None = None

    def print(self, *lines: object) -> None:
        """Print each object on a line. Control characters are replaced, except our colours."""
        for line in lines:
            # Odd parts are separators: our colours and line ends.
            parts = _PAINT_OR_LINE_END.split(with_called_name(str(line)))
            parts[::2] = map(printable, parts[::2])
            print("".join(parts), file=self.out)

    def print_exactly(self, *lines: str) -> None:
        """Print lines of a file or a diff unchanged, so that the diff can be applied."""
        for line in lines:
            print(line, file=self.out)

    def print_json(self, answer: Mapping[str, Any]) -> None:
        """Print the answer as an indented JSON document, or with a limit on one line. Keys keep
        their order."""
        if self.limit:
            text = as_line(limited({**answer}, self.limit))
        else:
            text = json.dumps(answer, indent=2, ensure_ascii=False)
        print(text, file=self.out)

    def paint(self, colour: Colour, text: str) -> str:
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self.colours else text

    def print_table(
        self, header: Sequence[str], rows: Iterable[Sequence[str]]
    ) -> None:
        """Print columns, each as wide as its widest cell, with two spaces between them."""
        lines = [header, *rows]
        columns = zip(*lines, strict=True)
        widths = [max(map(len, column)) for column in columns]
        for number, line in enumerate(lines):
            cells = map(str.ljust, line, widths)
            text = "  ".join(cells).rstrip()
            self.print(self.paint("bold", text) if number == 0 else text)


def with_called_name(text: str) -> str:
    """Replace the name of the command by the name with which it was called, so that a user can
    paste the text."""
    return (
        text.replace(MODULE, SCRIPT)
        if Path(sys.argv[0]).name == SCRIPT
        else text
    )


def console(out: TextIO, *, as_json: bool, limit: int | None = None) -> Console:
    """Return a console. It has colours if `out` is a terminal with colours and NO_COLOR
    (https://no-color.org) is not set."""
    has_colours = (
        not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )
    return Console(
        out,
        colours=has_colours and not as_json and out.isatty(),
        json=as_json,
        limit=limit,
    )


def print_note(*messages: object) -> None:
    """Print on standard error, separate from the answer on standard output."""
    console(sys.stderr, as_json=False).print(*messages)


def print_error(message: object) -> None:
    """Print on standard error, in red on a terminal."""
    err = console(sys.stderr, as_json=False)
    err.print(err.paint("red", str(message)))
