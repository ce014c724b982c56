"""A verb of the command line as a value, and helpers that all verbs share."""

from __future__ import annotations

import re
from argparse import (
    ArgumentParser,
    ArgumentTypeError,
    Namespace,
    _SubParsersAction,
)
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from kong_oam.cli.console import Console
from kong_oam.diagnostics import printable, suggestion
from kong_oam.errors import InputError

OK = 0
FOUND = 1
"""Exit statuses of a completed verb: nothing to report, and findings. For errors, the class of the
error has the status (kong_oam.errors)."""


# The name of an Application or a component.
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
_STACK = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")


class UsageError(InputError):
    """Wrong usage, or a stack or Applications that cannot be used."""


def quoted(text: str) -> str:
    """Quote a text of a user on one line, for a UsageError."""
    return f"'{printable(text)}'"


def check_stack_name(name: str) -> None:
    """Raise UsageError if a new stack cannot have the name."""
    if not _STACK.match(name):
        raise UsageError(
            f"invalid stack name {quoted(name)}: use lower-case letters, digits and dashes"
        )


def check_known(kind: str, name: str, names: Collection[str]) -> None:
    """Raise UsageError, with similar names, if a name is unknown."""
    if name not in names:
        raise UsageError(
            f"unknown {kind} {quoted(name)}{suggestion(name, names)}"
        )


@dataclass(frozen=True, slots=True)
class Command:
    """A verb. `summary` is its line in the list of verbs. `details` is the text of its `--help`,
    with an example.

    `arguments` declares its arguments except `--json` and `--limit`. `answer` is the type of its
    JSON (kong_oam.cli.answer_schema); a verb without such a type has no `--json`. `run` returns the
    exit status, and raises UsageError for wrong usage.
    """

    name: str
    summary: str
    details: str
    arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace, Console], int]
    answer: object = None


def add_json(parser: ArgumentParser, answer: object) -> None:
    """Declare `--json` and `--limit` of a verb with such an answer."""
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--limit",
        type=_limit,
        metavar="N",
        help="with --json: at most N entries of each list, and about N/2 KB; `left` counts the "
        "others",
    )
    parser.set_defaults(answer=answer)


def verbs_of(
    parser: ArgumentParser, before: str = ""
) -> Iterator[tuple[str, ArgumentParser]]:
    """Yield the name and the parser of each verb, and of its steps: `check`, `audit replay`."""
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            for word, verb in action.choices.items():
                name = f"{before} {word}".strip()
                yield name, verb
                yield from verbs_of(verb, name)


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not text.strip("0"):
        raise ArgumentTypeError(
            f"invalid number {quoted(text)}: write a number from 1"
        )
    # The number of digits is bounded, because a conversion of many digits is slow.
    return int(text[:_DIGITS])


_DIGITS = 9
