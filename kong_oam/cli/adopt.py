"""`adopt`: take over a Kong that is in use."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter

from kong_oam.cli.adopt_kong import KONG_DETAILS, kong_arguments, run_kong
from kong_oam.cli.command import Command
from kong_oam.cli.console import Console, with_called_name

_DETAILS = """\
Takes over a Kong that is in use.

  python -m kong_oam adopt kong FILE... --until DATE -o FOLDER    writes Applications

`adopt kong --help` shows more.
"""


def _arguments(parser: ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    kong = verbs.add_parser(
        "kong",
        help="write Applications, settings and a report",
        description=with_called_name(KONG_DETAILS),
        formatter_class=RawDescriptionHelpFormatter,
    )
    kong_arguments(kong)


def _run(options: Namespace, console: Console) -> int:
    return run_kong(options, console)


COMMAND = Command(
    "adopt",
    "take over a Kong that is in use",
    _DETAILS,
    _arguments,
    _run,
)
