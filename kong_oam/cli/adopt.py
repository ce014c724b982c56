"""`adopt`: take over a Kong that is in use."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter

from kong_oam.cli.adopt_compare import (
    COMPARE_DETAILS,
    compare_arguments,
    run_compare,
)
from kong_oam.cli.adopt_kong import KONG_DETAILS, kong_arguments, run_kong
from kong_oam.cli.adopt_retire import (
    RETIRE_DETAILS,
    retire_arguments,
    run_retire,
)
from kong_oam.cli.command import Command
from kong_oam.cli.console import Console, with_called_name

_DETAILS = """\
Takes over a Kong that is in use.

  python -m kong_oam adopt kong FILE... --until DATE -o FOLDER    writes Applications
  python -m kong_oam adopt compare FILE...                        compares it with Applications
  python -m kong_oam adopt retire FILE...                         prints how to remove old routes

`adopt kong --help`, `adopt compare --help` and `adopt retire --help` show more.
"""


# For each step: its name and summary, the text of its help, its arguments, and its function.
_VERBS = (
    (
        "kong",
        "write Applications for an old Kong",
        KONG_DETAILS,
        kong_arguments,
        run_kong,
    ),
    (
        "compare",
        "compare an old Kong with the Applications",
        COMPARE_DETAILS,
        compare_arguments,
        run_compare,
    ),
    (
        "retire",
        "print the removal of replaced old routes",
        RETIRE_DETAILS,
        retire_arguments,
        run_retire,
    ),
)


def _arguments(parser: ArgumentParser) -> None:
    verbs = parser.add_subparsers(
        dest="verb", metavar="VERB", required=True, help="the step"
    )
    for name, summary, details, arguments, run in _VERBS:
        verb = verbs.add_parser(
            name,
            help=summary,
            description=with_called_name(details),
            formatter_class=RawDescriptionHelpFormatter,
        )
        arguments(verb)
        verb.set_defaults(run_verb=run)


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
