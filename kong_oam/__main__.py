"""The command line: what Applications mean for access, whether that is so, and what to do where a
run cannot.

    python -m kong_oam VERB [...] [--json]      # `--help` lists the verbs; `VERB --help` has an example

Exit status: 0 nothing to report, 1 findings, 2 wrong usage or an input of which nothing can be
said; of `forward`, its command's.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import io
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from kong_oam import __version__
from kong_oam.cli import (
    check,
    completion,
    diff,
    emergency,
    explain,
    forward,
    graph,
    init,
    matrix,
    metrics,
    move,
    new,
    recover,
    render,
    review,
    schema,
    stacks,
    verify,
    what,
    who,
)
from kong_oam.cli.command import Command
from kong_oam.cli.console import MODULE, SCRIPT, as_called, complain, console
from kong_oam.diagnostics import nearest, printable
from kong_oam.errors import KongOamError

COMMANDS: tuple[Command, ...] = (
    check.COMMAND,
    diff.COMMAND,
    explain.COMMAND,
    who.COMMAND,
    what.COMMAND,
    matrix.COMMAND,
    graph.COMMAND,
    render.COMMAND,
    new.COMMAND,
    init.COMMAND,
    schema.COMMAND,
    verify.COMMAND,
    metrics.COMMAND,
    *stacks.COMMANDS,
    move.COMMAND,
    recover.COMMAND,
    emergency.COMMAND,
    review.COMMAND,
    forward.COMMAND,
    completion.COMMAND,
)


SELDOM = 500_000, 50, 1000
"""When cyclic garbage is looked for. A verb makes hardly any, and an estate that grows is walked
through again and again: a fifth of the CPU time of `check`. At the end it would be once more,
before the process gives back all it has: another eighth. Sources: Python's reference of
`gc.set_threshold`, `gc.freeze`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status."""
    gc.set_threshold(*SELDOM)
    atexit.register(gc.freeze)
    # An argument need not be UTF-8, nor a terminal take all of it.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    command: Command = options.command
    try:
        status = command.run(options, console(sys.stdout, as_json=options.json))
        sys.stdout.flush()
        return status
    except KongOamError as error:
        complain(error)
        return error.exit_code
    except KeyboardInterrupt:
        complain("interrupted")
    except BrokenPipeError:
        # `| head` has seen enough; what is still buffered goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        # A name that no file can have, a file that goes while it is read, a full disk.
        complain(f"{error.filename or 'standard output'}: {error.strerror}")
    return KongOamError.exit_code


class _Parser(argparse.ArgumentParser):
    """Parses arguments, with options wherever they stand; its errors name what is near, and steer
    no terminal."""

    _inside = False

    # Before Python 3.12, an option behind the first of two positionals, one of which may be
    # missing, hides the second.
    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if self._inside or not any(
            action.nargs == argparse.OPTIONAL
            for action in self._get_positional_actions()
        ):
            return super().parse_known_args(args, namespace)
        self._inside = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._inside = False

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            error.message += nearest(
                str(value), map(str, action.choices or ()), 1
            )
            raise

    def error(self, message: str) -> NoReturn:
        super().error(printable(message))


def _parser() -> _Parser:
    parser = _Parser(
        prog=as_called(MODULE),
        description="Show and check who may call what, from OAM Applications.",
        epilog="`VERB --help` shows examples. Exit status: 0 nothing to report; 1 findings, or "
        "work that the command only lists; 2 wrong usage, unusable input or a failure. `forward` "
        "returns the status of its command.",
    )
    parser.add_argument(
        "--version", action="version", version=f"{SCRIPT} {__version__}"
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for command in COMMANDS:
        verb = verbs.add_parser(
            command.name,
            help=command.summary,
            description=as_called(command.details),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.arguments(verb)
        if command.json:
            verb.add_argument("--json", action="store_true", help="print JSON")
        verb.set_defaults(command=command, json=False, parser=parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
