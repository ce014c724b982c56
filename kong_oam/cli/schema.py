"""`schema`: one JSON Schema for whole Applications, for editors."""

from __future__ import annotations

import argparse
from pathlib import Path

from kong_oam.cli.command import OK, Command
from kong_oam.cli.console import Console
from kong_oam.oam.editor import schema_text

_DETAILS = """\
Prints a JSON Schema for a whole Application: the component types, and the traits with all their fields. An editor with
yaml-language-server completes by it, shows what a field means, and marks what `check` would refuse in one file.

  python -m kong_oam schema --output application.schema.json
"""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write it to FILE instead"
    )


def _run(options: argparse.Namespace, console: Console) -> int:
    text = schema_text()
    if options.output is None:
        console.print_exactly(text.removesuffix("\n"))
        return OK
    options.output.write_text(text, "utf-8")
    return OK


COMMAND = Command(
    "schema",
    "print a JSON Schema for editors",
    _DETAILS,
    _arguments,
    _run,
    json=False,
)
