"""`up`, `preview`, `refresh` and `destroy`: run the engine over those stacks of an estate that a
change touches."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Container, Iterable
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from kong_oam.cli.command import (
    FOUND,
    OK,
    Command,
    UsageError,
    check_known,
    quoted,
)
from kong_oam.cli.console import Console, print_note
from kong_oam.cli.estates import read_estate, settings_of
from kong_oam.cli.interrupts import interrupting
from kong_oam.diagnostics import printable, some
from kong_oam.errors import OperationError

if TYPE_CHECKING:
    from kong_oam.stacks.run import Runs

_UP = """\
Runs `pulumi up` over the stacks of an estate that a change touches: first the base, then several
partitions at a time. It runs the base again if the base kept objects that a partition still used.
It skips a stack whose inputs are the same as in its last completed run.

  python -m kong_oam up --stack prod               lists the stacks to run
  python -m kong_oam up --stack prod --plan        lists the runs in order, with their dependencies
  python -m kong_oam up --stack prod --yes         runs them
  python -m kong_oam up --stack prod --yes --all   runs all stacks, to find drift (for nightly runs)
  python -m kong_oam up --stack prod --yes --only payments

If a run fails, only the runs that depend on it are skipped. Repeat the command to run the remaining
stacks. `pulumi up -s prod-payments` works too, and reports if the base must run first.

Exit status: 0 done, 1 listed stacks are to be run, 2 failed or incomplete.
"""

_PREVIEW = """\
Runs `pulumi preview` over the stacks of an estate in partitions that a change touches. Outputs that
the base passes to partitions show as unknown until the base has run.

  python -m kong_oam preview --stack prod
  python -m kong_oam preview --stack prod --list    prints the stacks as JSON, for a matrix of jobs;
                                                    previews none

Exit status: 0 done, 2 failed or incomplete.
"""

_REFRESH = """\
Runs `pulumi refresh` over all stacks of an estate in partitions.

  python -m kong_oam refresh --stack prod --yes

Exit status: 0 done, 1 listed stacks are to be run, 2 failed or incomplete.
"""

_DESTROY = """\
Runs `pulumi destroy` over all stacks of an estate in partitions. The base comes last, and only
after all partitions are destroyed.

  python -m kong_oam destroy --stack prod --yes

Exit status: 0 done, 1 listed stacks are to be destroyed, 2 failed or incomplete.
"""


_INCREMENTAL = ("up", "preview")
"""Verbs that read the records of the last runs, and skip stacks without a change."""


def _arguments(parser: ArgumentParser, *, verb: str) -> None:
    parser.add_argument(
        "--stack",
        "-s",
        required=True,
        help="the estate's stack (the stack of its base)",
    )
    parser.add_argument(
        "--parallel",
        type=int,
        default=4,
        metavar="N",
        help="the number of partitions that run at a time (default: 4)",
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="PARTITION",
        help="run only this partition (repeatable)",
    )
    # Defaults for options that a verb does not have.
    parser.set_defaults(
        yes=verb == "preview",
        plan=False,
        list=False,
        all=verb not in _INCREMENTAL,
        policy_pack=None,
    )
    if verb != "preview":
        parser.add_argument(
            "--yes",
            action="store_true",
            help="run the stacks (default: only list them)",
        )
    if verb == "up":
        parser.add_argument(
            "--plan",
            action="store_true",
            help="list the runs in order, and run none",
        )
    if verb == "preview":
        parser.add_argument(
            "--list",
            action="store_true",
            help="print the stacks as a JSON list, and run none",
        )
    if verb in _INCREMENTAL:
        parser.add_argument(
            "--policy-pack",
            metavar="FOLDER",
            help="check this policy pack, as `pulumi --policy-pack` does",
        )
        parser.add_argument(
            "--all",
            action="store_true",
            help="also run stacks that no change touches",
        )


def _run(options: Namespace, console: Console, *, verb: str) -> int:
    # Imported here, so that other verbs start faster.
    from kong_oam.stacks.plan import lines

    runs, selected = _selected_runs(options, console, verb)
    if options.list:
        console.print(
            json.dumps(_existing(runs.existing, map(runs.name, selected)))
        )
        return OK
    count = len(runs.estates.partitions)
    if not selected:
        console.print(
            f"nothing to run: all {count} stacks of '{runs.estate}' are up to date"
        )
        return OK
    console.print(
        f"{len(selected)} of {count} stacks: {', '.join(map(runs.name, selected))}"
    )
    if options.plan:
        console.print(*lines(runs.plan(selected), runs.estate))
        return FOUND
    if not options.yes:
        console.print("To run them, add --yes")
        return FOUND
    with interrupting(runs.interrupt):
        runs.run_stacks(selected)
    return _print_result(runs, console)


def _selected_runs(
    options: Namespace, console: Console, verb: str
) -> tuple[Runs, list[str | None]]:
    """Return the runs of the command, and the partitions to run. Raises UsageError."""
    from kong_oam.engine.stacks import list_stacks
    from kong_oam.identity.kinds import describe
    from kong_oam.stacks.fingerprint import configurations
    from kong_oam.stacks.order import Estates
    from kong_oam.stacks.records import Known, read
    from kong_oam.stacks.run import Runs

    settings = settings_of(options.stack, describe=describe)
    name = settings.stack.name
    partitions = settings.stack.partitions
    if settings.partition is not None:
        raise UsageError(
            f"{quoted(options.stack)} is a partition: use --stack {name}, or run pulumi"
        )
    for partition in options.only:
        check_known("partition", partition, partitions)
    estates = Estates(
        settings,
        read_estate(None, settings),
        configurations(settings),
    )
    # Ask once: each request to a backend takes seconds.
    there = list_stacks()
    known = read(name, partitions, there) if verb in _INCREMENTAL else Known()
    runs = Runs(
        estates,
        verb,
        options.parallel,
        say=partial(_print_line, console, Lock()),
        only=options.only or partitions,
        existing=there,
        known=known,
        more=("--policy-pack", options.policy_pack)
        if options.policy_pack
        else (),
    )
    to_run = (
        estates.partitions
        if options.all
        else estates.outdated(known, settings.as_of)
    )
    if options.only:
        to_run = filter(options.only.__contains__, to_run)
    return runs, list(to_run)


def _print_result(runs: Runs, console: Console) -> int:
    """Print the stacks that were run. Raises OperationError if a stack failed or was skipped."""
    console.print(f"{len(runs.done)} run: {', '.join(runs.done) or 'none'}")
    if runs.failed or runs.left_out:
        skipped = f"; not run: {some(runs.left_out)}" if runs.left_out else ""
        outcome = "interrupted" if runs.interrupted else "failed"
        hint = "" if runs.interrupted else "Fix the errors above. "
        raise OperationError(
            f"{len(runs.failed)} {outcome}: {some(runs.failed) or 'none'}{skipped}. {hint}Repeat "
            "the command to continue"
        )
    return OK


def _existing(existing: Container[str], to_run: Iterable[str]) -> list[str]:
    """Return the stacks that exist. A remark names the command that creates the others."""
    previewable = []
    for stack in to_run:
        if stack in existing:
            previewable.append(stack)
        else:
            print_note(
                f"{stack}: the stack does not exist yet; `up` creates it"
            )
    return previewable


def _print_line(console: Console, lock: Lock, stack: str, line: str) -> None:
    # Stacks run at the same time, and their lines must not mix.
    with lock:
        console.print(f"[{stack}] {printable(line)}")
        console.out.flush()


COMMANDS = tuple(
    Command(
        verb,
        summary,
        details,
        partial(_arguments, verb=verb),
        partial(_run, verb=verb),
    )
    for verb, summary, details in (
        ("up", "run `pulumi up` over an estate's stacks", _UP),
        ("preview", "run `pulumi preview` over an estate's stacks", _PREVIEW),
        ("refresh", "run `pulumi refresh` over an estate's stacks", _REFRESH),
        ("destroy", "run `pulumi destroy` over an estate's stacks", _DESTROY),
    )
)
