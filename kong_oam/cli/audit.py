"""`audit`: keep and check evidence about access."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter

from kong_oam.cli.audit_replay import (
    REPLAY_DETAILS,
    replay_arguments,
    run_replay,
)
from kong_oam.cli.audit_uses import USES_DETAILS, run_uses, uses_arguments
from kong_oam.cli.command import Command
from kong_oam.cli.console import Console, with_called_name

_DETAILS = """\
Keeps and checks evidence: what was in force, who called, and what nobody needs.

`audit VERB --help` shows more.
"""

# For each step: its name and summary, the text of its help, its arguments, and its function.
_VERBS = (
    (
        "uses",
        "aggregate records of requests",
        USES_DETAILS,
        uses_arguments,
        run_uses,
    ),
    (
        "replay",
        "compare recorded decisions with the models in force",
        REPLAY_DETAILS,
        replay_arguments,
        run_replay,
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
    "audit",
    "keep and check evidence about access",
    _DETAILS,
    _arguments,
    _run,
    json=False,
)
