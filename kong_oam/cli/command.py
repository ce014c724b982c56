"""The verbs of the command line as values, and what they all share."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection
from dataclasses import dataclass

from kong_oam.cli.console import Console
from kong_oam.diagnostics import printable, suggestion
from kong_oam.errors import InputError

OK = 0
FOUND = 1
"""Exit statuses of a verb that comes to its end: nothing to report; findings. Any other end is an
error, whose class has the status (kong_oam.errors)."""


class UsageError(InputError):
    """Nothing could be answered: wrong usage, or a stack or Applications that cannot be used."""


def quoted(text: str) -> str:
    """Quote a text that somebody gave, on one line, for a UsageError to name."""
    return f"'{printable(text)}'"


def check_known(kind: str, name: str, names: Collection[str]) -> None:
    """Raise UsageError, with what is near, where a name is none of the known ones."""
    if name not in names:
        raise UsageError(
            f"unknown {kind} {quoted(name)}{suggestion(name, names)}"
        )


@dataclass(frozen=True, slots=True)
class Command:
    """One verb. `summary` is its line in the list of verbs, `details` the text of its own `--help`,
    with an example.

    `arguments` declares what it takes besides `--json`; `json` says whether it takes that; `run`
    returns the exit status and raises UsageError where there is nothing to be said.
    """

    name: str
    summary: str
    details: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Console], int]
    json: bool = True
