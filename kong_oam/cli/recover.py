"""`recover`: list or remove objects that an interrupted run left without a record in the state."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from kong_oam.cli.command import FOUND, OK, Command
from kong_oam.cli.console import MODULE, Console
from kong_oam.kong.account import command_prefix

if TYPE_CHECKING:
    from kong_oam.access.settings.values import Settings
    from kong_oam.recover.document import Lock
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

If Kong has no database, a dead command may still hold the document. Then --remove frees it. All
other steps need `dbless`:

  python -m kong_oam dbless -s NAME -- python -m kong_oam recover -s NAME

Exit status: 0 nothing is left, 1 something is left or was not searched, 2 nothing was done.
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
    from kong_oam.recover.document import document_lock
    from kong_oam.recover.recovery import RecoveryError, search

    try:
        lock = document_lock(options.stack, removes=options.remove)
        if lock:
            console.print(*_about_lock(options, lock))
            return FOUND
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
                f"Next: {_next(options, recovery.settings, certain - removed)}",
            )
    except RecoveryError as error:
        raise RecoveryError(f"error: {error}") from None
    return FOUND if listed > removed else OK


def _about_lock(options: Namespace, lock: Lock) -> Iterator[str]:
    """Yield the lines about a document. The rest needs a writable Admin API."""
    recover = f"{MODULE} recover -s {options.stack}"
    dbless = f"{MODULE} dbless -s {options.stack} -- "
    if lock.holder is None:
        yield f"document {lock.document}: no command holds it"
        yield f"Next: {dbless}{recover}"
    elif options.remove:
        yield f"document {lock.document}: freed from {lock.holder}, which is dead"
        yield f"Next: {dbless}{recover}"
    else:
        yield f"document {lock.document}: held by {lock.holder}, which is dead"
        yield f"Next: {recover} --remove"


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


def _next(options: Namespace, settings: Settings, removable: int) -> str:
    """Return the next command: `recover --remove` while objects can be removed."""
    prefix = command_prefix(settings)
    if removable:
        older = " --older-state" if options.older_state else ""
        return f"{prefix}{MODULE} recover -s {options.stack}{older} --remove"
    return (
        f"{prefix}pulumi refresh -s {options.stack} --yes --clear-pending-creates && "
        f"{prefix}pulumi up -s {options.stack}"
    )


COMMAND = Command(
    "recover",
    "list or remove leftovers of an interrupted run",
    _DETAILS,
    _arguments,
    _run,
)
