"""The command line: show access, compare it with the deployed state, and repair after failed runs.

    python -m kong_oam VERB [...] [--json]    # `--help` lists verbs; `VERB --help` has an example

Exit status: 0 nothing to report; 1 findings, or work that the command only lists; 2 wrong usage,
unusable input or a failure. `forward` returns the status of its command.
"""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys
from argparse import (
    OPTIONAL,
    Action,
    ArgumentError,
    ArgumentParser,
    RawDescriptionHelpFormatter,
)
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NoReturn

from kong_oam import __version__
from kong_oam.cli import (
    adopt,
    audit,
    check,
    completion,
    dbless,
    diff,
    emergency,
    explain,
    forward,
    graph,
    init,
    matrix,
    mcp,
    merge,
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
from kong_oam.cli.command import Command, UsageError, add_json
from kong_oam.cli.console import (
    MODULE,
    SCRIPT,
    Console,
    console,
    print_error,
    with_called_name,
)
from kong_oam.cli.entries import failure_entry
from kong_oam.diagnostics import nearest, printable
from kong_oam.errors import KongOamError

COMMANDS: tuple[Command, ...] = (
    check.COMMAND,
    diff.COMMAND,
    merge.COMMAND,
    explain.COMMAND,
    who.COMMAND,
    what.COMMAND,
    matrix.COMMAND,
    graph.COMMAND,
    render.COMMAND,
    new.COMMAND,
    init.COMMAND,
    schema.COMMAND,
    mcp.COMMAND,
    verify.COMMAND,
    metrics.COMMAND,
    *stacks.COMMANDS,
    move.COMMAND,
    recover.COMMAND,
    emergency.COMMAND,
    adopt.COMMAND,
    audit.COMMAND,
    review.COMMAND,
    forward.COMMAND,
    dbless.COMMAND,
    completion.COMMAND,
)


# Thresholds of Python's garbage collection. A verb creates hardly any cyclic garbage, but each
# collection walks the whole estate. The default thresholds cost a fifth of the CPU time of `check`,
# and the collection at exit costs another eighth. Sources: Python's documentation of
# `gc.set_threshold` and `gc.freeze`.
GC_THRESHOLDS = 500_000, 50, 1000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status."""
    gc.set_threshold(*GC_THRESHOLDS)
    atexit.register(gc.freeze)
    # Arguments may contain bytes that are not UTF-8, and a terminal may lack characters.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = _run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        _discard_output()  # `| head` has closed the pipe
    except OSError as error:
        print_error(f"standard output: {error.strerror}")  # a full disk
        _discard_output()
    return KongOamError.exit_code


def _run(arguments: Sequence[str]) -> int:
    """Run one verb and return the exit status. Raises OSError if standard output fails."""
    try:
        options = _parser().parse_args(arguments)
    except _ArgumentsError as error:
        if "--json" not in arguments:
            error.parser.print_usage(sys.stderr)
            error.parser.exit(
                error.exit_code, f"{error.parser.prog}: error: {error}\n"
            )
        return _fail(error, console(sys.stdout, as_json=True))
    command: Command = options.command
    output = console(sys.stdout, as_json=options.json, limit=options.limit)
    try:
        if options.limit and not options.json:
            raise UsageError("--limit cuts JSON: add --json")
        return command.run(options, output)
    except KongOamError as error:
        return _fail(error, output)
    except KeyboardInterrupt:
        return _fail(KongOamError("interrupted"), output)
    except OSError as error:
        if not error.filename:
            raise
        # For example an invalid file name, or a file that is deleted while it is read.
        problem = KongOamError(f"{error.filename}: {error.strerror}")
        return _fail(problem, output)


def _fail(error: KongOamError, output: Console) -> int:
    """Print an error, and return the exit status."""
    if output.json:
        output.print_json(failure_entry(error))
    else:
        print_error(error)
    return error.exit_code


def _discard_output() -> None:
    """Discard buffered output: the interpreter writes it at its end, and would fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _ArgumentsError(UsageError):
    """Raised if the arguments of a parser are wrong."""

    def __init__(self, parser: ArgumentParser, message: str) -> None:
        super().__init__(message)
        self.parser = parser


class _Parser(ArgumentParser):
    """A parser that accepts options at any position. Its errors suggest similar names and contain
    no control characters."""

    _inside = False

    # Before Python 3.12, argparse drops the second of two positionals if an option follows the
    # first and one of the two is optional.
    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if args is not None:
            args = self._without_operands_as_values(args)
        if self._inside or not any(
            action.nargs == OPTIONAL
            for action in self._get_positional_actions()
        ):
            return super().parse_known_args(args, namespace)
        self._inside = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._inside = False

    def _without_operands_as_values(self, args: Sequence[str]) -> list[str]:
        """Write the default value after each option whose value is optional, if the next word is no
        value of the option. Otherwise argparse takes an operand as the value."""
        optional = dict[str, Action]()
        for action in self._get_optional_actions():
            if action.nargs == OPTIONAL and action.choices:
                optional.update(dict.fromkeys(action.option_strings, action))
        found = list(args)
        for place, (word, following) in enumerate(pairwise([*args, ""])):
            if word == "--":
                break
            option = optional.get(word)
            if option and following not in (option.choices or ()):
                found[place] = f"{word}={option.const}"
        return found

    def _check_value(self, action: Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except ArgumentError as error:
            error.message += nearest(
                str(value), map(str, action.choices or ()), 1
            )
            raise

    def error(self, message: str) -> NoReturn:
        raise _ArgumentsError(self, printable(message))


def _parser() -> _Parser:
    parser = _Parser(
        prog=with_called_name(MODULE),
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
            description=with_called_name(command.details),
            formatter_class=RawDescriptionHelpFormatter,
        )
        command.arguments(verb)
        if command.answer:
            add_json(verb, command.answer)
        verb.set_defaults(
            command=command, json=False, limit=None, parser=parser
        )
    return parser


if __name__ == "__main__":
    sys.exit(main())
