"""`up`, `preview`, `refresh` and `destroy`: the engine over the stacks of an estate, those that a
change touches."""

from __future__ import annotations

import argparse
import json
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
from kong_oam.cli.console import Console, remark
from kong_oam.cli.estates import estate_of, reading_of, settings_of
from kong_oam.cli.interrupts import interrupting
from kong_oam.diagnostics import printable, some
from kong_oam.errors import OperationError

if TYPE_CHECKING:
    from kong_oam.stacks.run import Runs

_UP = """\
Runs `pulumi up` over the stacks of an estate: first its base, then the partitions that a change touches,
several at a time, and the base again where it kept something that a partition still used. A stack whose last run would
be repeated is left out: what its run depends on is recorded when it has come to its end.

  python -m kong_oam up --stack prod                    lists the stacks that would be run
  python -m kong_oam up --stack prod --plan             lists the runs, each with those that it comes after
  python -m kong_oam up --stack prod --yes              runs them
  python -m kong_oam up --stack prod --yes --all        runs all, as a nightly run should: it finds drift
  python -m kong_oam up --stack prod --yes --only payments

A run that fails leaves out those that come after it, and no other; a second command goes on with what is left.
`pulumi up -s prod-payments` works as ever, and says so where the base has to be run first.

Exit status: 0 done, 1 listed: something is to be run; 2 not done, or not all: what it says.
"""

_PREVIEW = """\
Runs `pulumi preview` over the stacks of an estate with partitions that a change touches. What the base would give to
partitions is shown as unknown until it has been run.

  python -m kong_oam preview --stack prod
  python -m kong_oam preview --stack prod --list    prints these as a JSON list, for a matrix of jobs; runs none

Exit status: 0 done, 2 a preview failed, or could not be made.
"""

_REFRESH = """\
Runs `pulumi refresh` over all stacks of an estate with partitions.

  python -m kong_oam refresh --stack prod --yes

Exit status: 0 done, 1 listed: these would be run; 2 not done, or not all: what it says.
"""

_DESTROY = """\
Runs `pulumi destroy` over all stacks of an estate with partitions: its base last, and only when nothing is left that
stands on it.

  python -m kong_oam destroy --stack prod --yes

Exit status: 0 done, 1 listed: these would be destroyed; 2 not done, or not all: what it says.
"""


_RECORDED = ("up", "preview")
"""The verbs that look at what is recorded of the last runs, and leave out what nothing touched."""


def _arguments(parser: argparse.ArgumentParser, *, verb: str) -> None:
    parser.add_argument(
        "--stack",
        "-s",
        required=True,
        help="the estate's stack, which is its base's",
    )
    parser.add_argument(
        "--parallel",
        type=int,
        default=4,
        metavar="N",
        help="partitions at a time (default: 4)",
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="PARTITION",
        help="of the partitions only these",
    )
    # What a verb has no option for.
    parser.set_defaults(
        yes=verb == "preview",
        plan=False,
        list=False,
        all=verb not in _RECORDED,
        policy_pack=None,
    )
    if verb != "preview":
        parser.add_argument(
            "--yes",
            action="store_true",
            help="run them (default: only list them)",
        )
    if verb == "up":
        parser.add_argument(
            "--plan",
            action="store_true",
            help="list the runs and their order, and run none",
        )
    if verb == "preview":
        parser.add_argument(
            "--list",
            action="store_true",
            help="print the stacks as a JSON list, and run none",
        )
    if verb in _RECORDED:
        parser.add_argument(
            "--policy-pack",
            metavar="FOLDER",
            help="with these policies, as `pulumi` takes them",
        )
        parser.add_argument(
            "--all", action="store_true", help="also those that nothing touched"
        )


def _run(options: argparse.Namespace, console: Console, *, verb: str) -> int:
    # The other verbs start without what runs the engine.
    from kong_oam.stacks.plan import lines

    runs, chosen = _chosen(options, console, verb)
    if options.list:
        console.print(json.dumps(_of(runs.existing, map(runs.name, chosen))))
        return OK
    count = len(runs.estates.partitions)
    if not chosen:
        console.print(
            f"nothing to be run: each of the {count} stacks of '{runs.estate}' is as it is meant"
        )
        return OK
    console.print(
        f"{len(chosen)} of {count} stacks: {', '.join(map(runs.name, chosen))}"
    )
    if options.plan:
        console.print(*lines(runs.plan(chosen), runs.estate))
        return FOUND
    if not options.yes:
        console.print("Then the same with --yes")
        return FOUND
    with interrupting(runs.interrupt):
        runs.run_stacks(chosen)
    return _ended(runs, console)


def _chosen(
    options: argparse.Namespace, console: Console, verb: str
) -> tuple[Runs, list[str | None]]:
    """Return the runs of the command, and the partitions that they are to be over. Raises
    UsageError."""
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
            f"{quoted(options.stack)} is a partition: name its estate, '{name}', or run pulumi"
        )
    for partition in options.only:
        check_known("partition", partition, partitions)
    estates = Estates(
        settings,
        estate_of(reading_of(None, settings), settings),
        configurations(settings),
    )
    # Asked for once: each question to a backend takes seconds.
    there = list_stacks()
    known = read(name, partitions, there) if verb in _RECORDED else Known()
    runs = Runs(
        estates,
        verb,
        options.parallel,
        say=partial(_say, console, Lock()),
        only=options.only or partitions,
        existing=there,
        known=known,
        more=("--policy-pack", options.policy_pack)
        if options.policy_pack
        else (),
    )
    wanted = (
        estates.partitions
        if options.all
        else estates.outdated(known, settings.as_of)
    )
    if options.only:
        wanted = filter(options.only.__contains__, wanted)
    return runs, list(wanted)


def _ended(runs: Runs, console: Console) -> int:
    """Print the stacks that were run. Raises OperationError if a stack was not."""
    console.print(f"{len(runs.done)} run: {', '.join(runs.done) or 'none'}")
    if runs.failed or runs.left_out:
        left = f"; not run: {some(runs.left_out)}" if runs.left_out else ""
        outcome = "interrupted" if runs.interrupted else "failed"
        first = "" if runs.interrupted else "What they say comes first. "
        raise OperationError(
            f"{len(runs.failed)} {outcome}: {some(runs.failed) or 'none'}{left}. {first}The same "
            "command goes on"
        )
    return OK


def _of(existing: Container[str], wanted: Iterable[str]) -> list[str]:
    """Those that can be previewed. Of the others it is said, beside the list, what makes them."""
    previewable = []
    for stack in wanted:
        if stack in existing:
            previewable.append(stack)
        else:
            remark(f"{stack}: there is no such stack yet: `up` makes it")
    return previewable


def _say(console: Console, lock: Lock, stack: str, line: str) -> None:
    # Stacks run at the same time, and lines of theirs must not mix.
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
        json=False,
    )
    for verb, summary, details in (
        ("up", "`pulumi up` of an estate's stacks", _UP),
        ("preview", "`pulumi preview` of an estate's stacks", _PREVIEW),
        ("refresh", "`pulumi refresh` of an estate's stacks", _REFRESH),
        ("destroy", "`pulumi destroy` of an estate's stacks", _DESTROY),
    )
)
