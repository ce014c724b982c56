"""Turns what is named on the command line into settings and estates."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kong_oam.access.compile.estate import compile_estate
from kong_oam.access.model import Estate
from kong_oam.access.paths import written
from kong_oam.access.request_classes import Subtree
from kong_oam.access.settings.stack import STACKS, Describe, Settings, StackError, plain, read_file, stack_file
from kong_oam.cli.command import UsageError
from kong_oam.diagnostics import Position, errors
from kong_oam.oam.application import read_files

APPLICATIONS = Path("applications")


def add_stack(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stack", default="local", metavar="NAME", help="the stack to judge by (default: local)")


def add_estate(parser: argparse.ArgumentParser) -> None:
    """Adds `--stack` and `--applications`: which estate is asked about."""
    add_stack(parser)
    parser.add_argument(
        "--applications",
        nargs="+",
        type=Path,
        default=[APPLICATIONS],
        metavar="PATH",
        help="files and folders (default: applications)",
    )


def settings_of(stack: str, folder: Path = STACKS, describe: Describe = plain) -> Settings:
    """The settings of the stack; `describe` says how its providers spell tokens. Raises UsageError."""
    try:
        return read_file(stack_file(stack, folder), describe)
    except StackError as error:
        raise UsageError(str(error)) from None


def estate_of(paths: Sequence[Path], settings: Settings, named: Callable[[Path], str] = str) -> Estate:
    """The estate of the Applications at `paths`, which messages call as `named` says. Raises UsageError with every
    error where there is one."""
    compiled = compile_estate(read_files(paths, named), settings.stack)
    if compiled.estate is None:
        problems = errors(compiled.diagnostics)
        listed = "\n".join(map(str, problems))
        raise UsageError(f"{listed}\n{len(problems)} error(s): these Applications would not be provisioned")
    return compiled.estate


def place_entry(place: Position | None) -> dict[str, Any] | None:
    """A place as JSON has it."""
    return {"file": place.file, "line": place.line, "column": place.column} if place else None


def subtree_entry(subtree: Subtree) -> dict[str, Any]:
    """A subtree as JSON has it: all at and below `path`, or what some servers take for it."""
    return {"path": written(subtree.path), "otherSpellings": subtree.spelled_otherwise}
