"""`schema`: print a JSON Schema of Applications for editors."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from kong_oam.cli.command import OK, Command
from kong_oam.cli.console import Console
from kong_oam.oam.editor import schema_text

_DETAILS = """\
Prints a JSON Schema of an Application with all component types, traits and their fields. Editors
with yaml-language-server use it to complete and describe fields. They mark errors that `check` can
find in a single file.

  python -m kong_oam schema --output application.schema.json
"""


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write the schema to FILE"
    )


def _run(options: Namespace, console: Console) -> int:
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
