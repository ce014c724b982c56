"""`move`: brings components into the stacks of an estate that its partitions say."""

from __future__ import annotations

import argparse
from threading import Event
from typing import TYPE_CHECKING

from kong_oam.cli.command import FOUND, OK, Command
from kong_oam.cli.console import Console
from kong_oam.cli.estates import estate_of, reading_of, settings_of
from kong_oam.cli.interrupts import interrupting

if TYPE_CHECKING:
    from kong_oam.stacks.move import Moves

_DETAILS = """\
Brings components, with all that is theirs, into the stacks that kong-oam:partitions of the estate says: after an
estate of one stack was given partitions, or a namespace went to another one. Only states are written: nothing at the
gateway, the identity providers or in the cluster changes, and calls go on. Stacks that are not there are made.

  python -m kong_oam move --stack prod          lists what has to move
  python -m kong_oam move --stack prod --yes    moves it

A second run goes on where one was cut off. The next `pulumi up` of each stack changes no more than tags.

Exit status: 0 all is where it is to be, 1 listed: something is not, 2 not done, or not all: what it says.
"""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--stack",
        "-s",
        required=True,
        help="the estate's stack, or that of one of its partitions",
    )
    parser.add_argument(
        "--yes", action="store_true", help="move it (default: only list it)"
    )


def _run(options: argparse.Namespace, console: Console) -> int:
    # The other verbs start without what asks the engine.
    from kong_oam.stacks.move import find, perform

    settings = settings_of(options.stack)
    estate = estate_of(reading_of(None, settings), settings)
    moves = find(settings, estate)
    if options.yes and moves.moves:
        # A move that was begun comes to its end; no other begins.
        interrupted = Event()
        with interrupting(interrupted.set):
            perform(settings, moves, interrupted.is_set)
    name = settings.stack.name
    if not moves.moves:
        console.print(
            f"every component of '{name}' is in the stack that it is to be in"
        )
        return OK
    console.print(*_lines(moves, done=options.yes))
    if options.yes:
        console.print(
            f"{len(moves.moves)} moved. Then: python -m kong_oam up -s {name} --yes"
        )
        return OK
    console.print(
        f"{len(moves.moves)} to be moved. Then: python -m kong_oam move -s {name} --yes"
    )
    return FOUND


def _lines(moves: Moves, *, done: bool) -> list[str]:
    made = [
        f"stack {stack}: {'made' if done else 'to be made'}"
        for stack in moves.missing
    ]
    return made + [
        f"{move.component}: {move.source} -> {move.target}"
        + (" (a move of it was cut off)" if move.twice else "")
        for move in moves.moves
    ]


COMMAND = Command(
    "move",
    "components into the stacks of an estate",
    _DETAILS,
    _arguments,
    _run,
    json=False,
)
