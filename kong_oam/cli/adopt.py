"""`adopt`: take over a Kong that is in use."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter

from kong_oam.cli.adopt_compare import (
    COMPARE_DETAILS,
    compare_arguments,
    run_compare,
)
from kong_oam.cli.command import Command
from kong_oam.cli.console import Console, with_called_name

_DETAILS = """\
Takes over a Kong that is in use.

  python -m kong_oam adopt compare FILE...    compares it with the Applications

`adopt compare --help` shows more.
"""


def _arguments(parser: ArgumentParser) -> None:
    verbs = parser.add_subparsers(
        dest="verb", metavar="VERB", required=True, help="the step"
    )
    compare = verbs.add_parser(
        "compare",
        help="compare an old Kong with the Applications",
        description=with_called_name(COMPARE_DETAILS),
        formatter_class=RawDescriptionHelpFormatter,
    )
    compare_arguments(compare)
    compare.set_defaults(run_verb=run_compare)


def _run(options: Namespace, console: Console) -> int:
    status: int = options.run_verb(options, console)
    return status


COMMAND = Command(
    "adopt",
    "take over a Kong that is in use",
    _DETAILS,
    _arguments,
    _run,
    json=False,
)
