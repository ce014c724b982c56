"""`recover`: what an interrupted run made, or deleted, although the state never heard of it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from kong_oam.cli.command import FOUND, OK, Command
from kong_oam.cli.console import Console

if TYPE_CHECKING:
    from kong_oam.recover.recovery import SearchedPlace

_DETAILS = """\
Lists what an interrupted run made, or deleted, although the state never heard of it, and with --remove removes what is
certain to be it, and nothing else.

  python -m kong_oam recover --stack NAME             lists it
  python -m kong_oam recover --stack NAME --remove    removes what is certain to be it

With --older-state, after a state of before was put back from a backup, that is all of the stack's in Kong which this
state does not know.

In Kong that is what carries the stack's tags, at identity providers what the state says it was about to make. It never
runs beside another run: one that was interrupted is ended with `pulumi cancel` first, and only what was there before is
looked at. What was deleted is told, and with --remove forgotten by the state, where a refresh would fail on it.

Exit status: 0 nothing is left, 1 something is, 2 nothing was done.
"""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--stack",
        "-s",
        required=True,
        help="the stack whose run was interrupted",
    )
    parser.add_argument(
        "--remove",
        action="store_true",
        help="remove what is found (default: only list it)",
    )
    parser.add_argument(
        "--older-state",
        action="store_true",
        help="the state was put back from a backup, on purpose",
    )


def _run(options: argparse.Namespace, console: Console) -> int:
    # Only this verb needs every product's side: the others start without them.
    from kong_oam.recover.recovery import RecoveryError, search

    try:
        with search(options.stack, older=options.older_state) as recovery:
            for place in recovery.places:
                console.print(*_lines(place))
            certain = 0
            listed = 0
            for place in recovery.places:
                certain += place.removable_count
                listed += len(place.made) + len(place.gone)
                if options.remove:
                    place.remove()
            removed = certain if options.remove else 0
            if listed:
                console.print(f"{removed} of {listed} removed")
            console.print(
                *_cluster(recovery.commands()),
                f"Then: {_next(options, certain - removed)}",
            )
    except RecoveryError as error:
        raise RecoveryError(f"error: {error}") from None
    return FOUND if listed > removed else OK


def _lines(place: SearchedPlace) -> Iterator[str]:
    yield from _listed(
        place.where, place.made, "made that the state does not know"
    )
    if place.gone:
        yield from _listed(
            place.where, place.gone, "deleted that the state still has"
        )


def _listed(
    where: str, judged: Sequence[tuple[object, str | None]], state: str
) -> Iterator[str]:
    yield f"{where}: {len(judged)} {state}"
    for lost, doubt in judged:
        yield f"  {lost}" + (f", kept: {doubt}" if doubt else "")


def _cluster(commands: Sequence[str]) -> Iterator[str]:
    if commands:
        yield (
            "Kubernetes: not looked at. These remove what the state does not know and may be "
            "there, and that alone:"
        )
        yield from (f"  {command}" for command in commands)


def _next(options: argparse.Namespace, removable: int) -> str:
    """The command after this one: the one that removes while there is something to remove."""
    if removable:
        older = " --older-state" if options.older_state else ""
        return f"python -m kong_oam recover -s {options.stack}{older} --remove"
    return (
        f"pulumi refresh -s {options.stack} --yes --clear-pending-creates && pulumi up -s "
        f"{options.stack}"
    )


COMMAND = Command(
    "recover",
    "what an interrupted run left",
    _DETAILS,
    _arguments,
    _run,
    json=False,
)
