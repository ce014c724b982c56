"""`check`: what is wrong in Applications."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from access.cli.command import FOUND, OK, Command
from access.cli.console import Console
from access.cli.estates import APPLICATIONS, add_stack, place_entry, settings_of
from access.compile import Compiled, compile_estate
from oam.application import read_files
from oam.diagnostics import Diagnostic, errors

_DETAILS = """\
Reads Applications and prints everything that is wrong in them, with file, line and column. Provisions nothing, calls
nobody. Exit status 1 where there is an error.

  python -m access check
  python -m access check applications/orders.yaml --stack aws
"""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", type=Path, default=[APPLICATIONS], metavar="FILE or FOLDER")
    add_stack(parser)


def _run(options: argparse.Namespace, console: Console) -> int:
    compiled = compile_estate(read_files(options.paths), settings_of(options.stack).stack)
    if console.json:
        console.print_json(_document(compiled))
    else:
        console.print(*(_shown(diagnostic, console) for diagnostic in compiled.diagnostics), _summary(compiled))
    return FOUND if errors(compiled.diagnostics) else OK


def _shown(diagnostic: Diagnostic, console: Console) -> str:
    mark = f"{diagnostic.severity} {diagnostic.code}"
    colour = console.paint("red" if diagnostic.severity == "error" else "yellow", mark)
    return str(diagnostic).replace(mark, colour, 1)


def _summary(compiled: Compiled) -> str:
    if compiled.estate is None:
        return f"{len(errors(compiled.diagnostics))} error(s); nothing would be provisioned"
    count = len(compiled.estate.components)
    return f"{len(compiled.estate.applications)} application(s), {count} component(s): no errors"


def _document(compiled: Compiled) -> dict[str, Any]:
    return {"usable": compiled.estate is not None, "diagnostics": [_entry(one) for one in compiled.diagnostics]}


def _entry(diagnostic: Diagnostic) -> dict[str, Any]:
    where = place_entry(diagnostic.place) or {}
    return {"severity": diagnostic.severity, "code": diagnostic.code, "message": diagnostic.message, **where}


COMMAND = Command("check", "print what is wrong in Applications", _DETAILS, _arguments, _run)
