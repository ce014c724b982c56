"""`python -m access`: what Applications mean for access, without the engine.

    python -m access check [FILE or FOLDER ...] [--stack NAME]

Exit status: 0 nothing wrong, 1 errors found, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from access.compile import Compiled, compile_estate
from access.stack import StackError, read_file
from oam.application import read_files
from oam.diagnostics import errors

_STACKS = Path("stacks")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb and returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m access", description="Who may call what, from the Applications.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    check = verbs.add_parser("check", help="print what is wrong with Applications", description=_check.__doc__)
    check.add_argument("paths", nargs="*", type=Path, default=[Path("applications")], metavar="FILE or FOLDER")
    check.add_argument("--stack", default="local", help="the stack to judge by (default: local)")
    check.set_defaults(run=_check)
    options = parser.parse_args(arguments)
    status: int = options.run(options)
    return status


def _check(options: argparse.Namespace) -> int:
    """Reads Applications and prints every problem with file, line and column. Provisions nothing, calls nobody."""
    try:
        settings = read_file(_STACKS / f"Pulumi.{options.stack}.yaml")
    except StackError as error:
        print(error, file=sys.stderr)
        return 2
    compiled = compile_estate(read_files(options.paths), settings.stack)
    for diagnostic in compiled.diagnostics:
        print(diagnostic)
    print(_summary(compiled))
    return 1 if errors(compiled.diagnostics) else 0


def _summary(compiled: Compiled) -> str:
    if compiled.estate is None:
        return f"{len(errors(compiled.diagnostics))} error(s); nothing would be provisioned"
    count = len(compiled.estate.components)
    return f"{len(compiled.estate.applications)} application(s), {count} component(s): no errors"


if __name__ == "__main__":
    sys.exit(main())
