"""`move`: move components into the stacks that the estate's partitions assign."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from threading import Event
from typing import TYPE_CHECKING

from kong_oam.cli.command import FOUND, OK, Command
from kong_oam.cli.console import Console
from kong_oam.cli.estates import read_estate, settings_of
from kong_oam.cli.interrupts import interrupting

if TYPE_CHECKING:
    from kong_oam.stacks.move import Moves

_DETAILS = """\
Moves components, with all their resources, into the stacks that kong-oam:partitions assigns. Use it
after you divide an estate into partitions, or assign a namespace to another partition. It writes
only states, and creates missing stacks. The gateway, the identity providers and the cluster stay
unchanged, and calls continue.

  python -m kong_oam move --stack prod          lists the components to move
  python -m kong_oam move --stack prod --yes    moves them

If a run is interrupted, run it again to finish. The next `pulumi up` of each stack changes only
tags.

Exit status: 0 every component is in its stack, 1 listed components are to be moved, 2 failed or
incomplete.
"""


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--stack",
        "-s",
        required=True,
        help="the estate's stack, or the stack of a partition",
    )
    parser.add_argument(
        "--yes",
        action="store_true",
        help="move the components (default: only list them)",
    )


def _run(options: Namespace, console: Console) -> int:
    # Imported here, so that other verbs start faster.
    from kong_oam.stacks.move import find, perform

    settings = settings_of(options.stack)
    estate = read_estate(None, settings)
    moves = find(settings, estate)
    if options.yes and moves.moves:
        # After an interrupt, the current move finishes and no other move starts.
        interrupted = Event()
        with interrupting(interrupted.set):
            perform(settings, moves, interrupted.is_set)
    name = settings.stack.name
    if not moves.moves:
        console.print(
            f"every component of '{name}' is in its stack: nothing to move"
        )
        return OK
    console.print(*_lines(moves, done=options.yes))
    if options.yes:
        console.print(
            f"{len(moves.moves)} moved. Next: python -m kong_oam up -s {name} --yes"
        )
        return OK
    console.print(
        f"{len(moves.moves)} to move. Next: python -m kong_oam move -s {name} --yes"
    )
    return FOUND


def _lines(moves: Moves, *, done: bool) -> list[str]:
    stack_lines = [
        f"stack {stack}: {'created' if done else 'to be created'}"
        for stack in moves.missing
    ]
    return stack_lines + [
        f"{move.component}: {move.source} -> {move.target}"
        + (" (an earlier move was interrupted)" if move.twice else "")
        for move in moves.moves
    ]


COMMAND = Command(
    "move",
    "move components between the stacks of an estate",
    _DETAILS,
    _arguments,
    _run,
)
