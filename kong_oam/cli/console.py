"""The console that verbs print on: text with colours on a terminal and only there, or JSON."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

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
"""What the command is called: in a clone of the project, and where it is installed."""

_PAINT_OR_LINE_END = re.compile(
    f"(\x1b\\[(?:0|{'|'.join(_CODES.values())})m|\n)"
)


@dataclass(frozen=True, slots=True)
class Console:
    """An output stream, and whether it shows colours. `json` is what `--json` asked for."""

    out: TextIO
    colours: bool = False
    json: bool = False

    def print(self, *lines: object) -> None:
        """Print each on a line of its own, without what could steer a terminal, whoever wrote it;
        colours are ours."""
        for line in lines:
            # Every second one is what separates the others.
            parts = _PAINT_OR_LINE_END.split(as_called(str(line)))
            parts[::2] = map(printable, parts[::2])
            print("".join(parts), file=self.out)

    def print_exactly(self, *lines: str) -> None:
        """Print lines of a file, or of a diff of one, which has to apply to it."""
        for line in lines:
            print(line, file=self.out)

    def print_json(self, value: Any) -> None:
        """Print the value as one JSON document, indented, in the order in which the value has its
        keys."""
        print(json.dumps(value, indent=2, ensure_ascii=False), file=self.out)

    def paint(self, colour: Colour, text: str) -> str:
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self.colours else text

    def print_table(
        self, header: Sequence[str], rows: Iterable[Sequence[str]]
    ) -> None:
        """Print columns as wide as their widest cell, two spaces between them, the last one as it
        is."""
        lines = [header, *rows]
        columns = zip(*lines, strict=True)
        widths = [max(map(len, column)) for column in columns]
        for number, line in enumerate(lines):
            cells = map(str.ljust, line, widths)
            text = "  ".join(cells).rstrip()
            self.print(self.paint("bold", text) if number == 0 else text)


def as_called(text: str) -> str:
    """The text with the command as it was called: what tells somebody to run it can be typed as it
    stands."""
    return (
        text.replace(MODULE, SCRIPT)
        if Path(sys.argv[0]).name == SCRIPT
        else text
    )


def console(out: TextIO, *, as_json: bool) -> Console:
    """Make a console, with colours where `out` is a terminal that has them, and
    https://no-color.org's NO_COLOR is not set."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Console(
        out, colours=wanted and not as_json and out.isatty(), json=as_json
    )


def remark(message: object) -> None:
    """Print on standard error, beside an answer that something else may read."""
    console(sys.stderr, as_json=False).print(message)


def complain(message: object) -> None:
    """Print on standard error, in red on a terminal."""
    err = console(sys.stderr, as_json=False)
    err.print(err.paint("red", str(message)))
