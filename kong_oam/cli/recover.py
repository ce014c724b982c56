"""`recover`: list or remove objects that an interrupted run left without a record in the state."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from kong_oam.cli.command import FOUND, OK, Command
from kong_oam.cli.console import MODULE, Console

if TYPE_CHECKING:
    from kong_oam.recover.recovery import SearchedPlace

_DETAILS = """\
Lists objects that an interrupted run created or deleted, but that the state does not record. With
--remove, it removes the objects that certainly belong to the interrupted run, and no others.

  python -m kong_oam recover --stack NAME           lists the objects
  python -m kong_oam recover --stack NAME --remove  removes objects that certainly belong to the run

Use --older-state after you restore an older state from a backup. It covers all Kong entities of the
stack that the restored state does not record.

In Kong, the command looks for entities with the stack's tags. At identity providers, it looks for
objects that the state lists as pending. End an interrupted run with `pulumi cancel` first: the
command never runs beside another run. It ignores objects that are newer than its own start. It also
lists deleted objects; --remove deletes them from the state if a refresh would fail on them.

Exit status: 0 nothing is left, 1 something is left, 2 nothing was done.
"""


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--stack",
        "-s",
        required=True,
        help="the stack whose run was interrupted",
    )
    parser.add_argument(
        "--remove",
        action="store_true",
        help="remove the objects (default: only list them)",
    )
    parser.add_argument(
        "--older-state",
        action="store_true",
        help="the state is an older state, restored from a backup on purpose",
    )


def _run(options: Namespace, console: Console) -> int:
    # Imported here, so that other verbs start faster.
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
                f"Next: {_next(options, certain - removed)}",
            )
    except RecoveryError as error:
        raise RecoveryError(f"error: {error}") from None
    return FOUND if listed > removed else OK


def _lines(place: SearchedPlace) -> Iterator[str]:
    yield from _listed(
        place.where, place.made, "created, but missing in the state"
    )
    if place.gone:
        yield from _listed(
            place.where, place.gone, "deleted, but still in the state"
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
            "Kubernetes: not checked. These commands remove only objects that may exist without "
            "a record in the state:"
        )
        yield from (f"  {command}" for command in commands)


def _next(options: Namespace, removable: int) -> str:
    """Return the next command: `recover --remove` while objects can be removed."""
    if removable:
        older = " --older-state" if options.older_state else ""
        return f"{MODULE} recover -s {options.stack}{older} --remove"
    return (
        f"pulumi refresh -s {options.stack} --yes --clear-pending-creates && pulumi up -s "
        f"{options.stack}"
    )


COMMAND = Command(
    "recover",
    "list or remove leftovers of an interrupted run",
    _DETAILS,
    _arguments,
    _run,
)
