"""`adopt`: take over a Kong that is in use."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter

from kong_oam.cli.adopt_retire import (
    RETIRE_DETAILS,
    retire_arguments,
    run_retire,
)
from kong_oam.cli.command import Command
from kong_oam.cli.console import Console, with_called_name

_DETAILS = """\
Takes over a Kong that is in use.

  python -m kong_oam adopt retire FILE...    prints the removal of replaced old routes

`adopt retire --help` shows more.
"""


def _arguments(parser: ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    retire = verbs.add_parser(
        "retire",
        help="print the removal of replaced old routes",
        description=with_called_name(RETIRE_DETAILS),
        formatter_class=RawDescriptionHelpFormatter,
    )
    retire_arguments(retire)


def _run(options: Namespace, console: Console) -> int:
    return run_retire(options, console)


COMMAND = Command(
    "adopt",
    "take over a Kong that is in use",
    _DETAILS,
    _arguments,
    _run,
    json=False,  # each verb has its own option
)
