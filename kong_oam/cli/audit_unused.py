"""`audit unused`: list access that nobody used, and print its removal."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from kong_oam.access.absent import with_absent_clients
from kong_oam.access.model import METHODS, Estate
from kong_oam.cli.audit_models import (
    InForce,
    add_runs,
    add_uses_files,
    in_force,
)
from kong_oam.cli.audit_replay import call_words
from kong_oam.cli.command import FOUND, OK, UsageError, quoted
from kong_oam.cli.console import Console
from kong_oam.cli.entries import PlaceEntry, place_entry
from kong_oam.cli.estates import estate_of, reading_of
from kong_oam.diagnostics import some
from kong_oam.oam.application import Reading, read_bytes
from kong_oam.oam.model import OwnTypes

if TYPE_CHECKING:
    from kong_oam.audit.history.run import Run
    from kong_oam.audit.uses.model import CallClass, Seen, Uses
    from kong_oam.audit.uses.needs import Need
    from kong_oam.audit.uses.unused import Dated, Removal, Unused, UnusedNeed

UNUSED_DETAILS = """\
Lists access that no recorded call used: scopes of clients, groups of roles, public rules, and
clients. Each has its last use, the day since when it exists, and its owner. Only allowed calls are
uses. The window ends with the last recorded day.

It lists nothing that is younger than the window: the records of runs say how old access is. The
waiver `finding: LINT318` of a component keeps access that is needed once a year.

Then it prints the removal as a patch, after all recorded calls were decided without the access.

  python -m kong_oam audit unused uses.parquet --since 90d --runs records
  python -m kong_oam audit unused uses.parquet --since 90d --patch | git apply -p0

Exit status: 0 if everything was used, 1 if something was not.
"""

_DAYS = re.compile(r"([1-9][0-9]{0,3})d\Z")


class NeedEntry(TypedDict):
    """A part of the Applications that gives access."""

    kind: str
    component: str | None
    holder: str
    detail: str | None
    role: str | None


class UnusedEntry(NeedEntry):
    """Access without a use in the window."""

    last: str | None
    since: str
    owner: str | None
    place: PlaceEntry | None


_Window = TypedDict("_Window", {"from": str, "to": str})


class UnusedAnswer(_Window):
    """Access that nobody used, and its removal: a diff for each file. `refused` counts the recorded
    calls that the removal would deny."""

    unused: list[UnusedEntry]
    waived: list[NeedEntry]
    young: list[NeedEntry]
    daysWithoutRecords: list[str]
    byHand: list[NeedEntry]
    refused: int
    patches: list[str]


def unused_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `audit unused`."""
    add_uses_files(parser)
    parser.add_argument(
        "--since",
        default="90d",
        metavar="DAYS",
        help="the window, for example 90d (the default)",
    )
    parser.add_argument(
        "--patch", action="store_true", help="print only the patch"
    )
    add_runs(parser)


def run_unused(options: Namespace, console: Console) -> int:
    """Run `audit unused`."""
    from kong_oam.audit.uses.store import read_uses
    from kong_oam.audit.uses.unused import (
        find_unused,
        refused_after,
        removal,
    )

    window = _DAYS.match(options.since)
    if not window:
        raise UsageError(
            f"{quoted(options.since)} is no number of days: write --since 90d"
        )
    uses = read_uses(options.uses)
    models = in_force(options)
    if not models.runs:
        raise UsageError(
            "no records of runs say how old access is: name their folder with --runs"
        )
    found = find_unused(
        models.current,
        uses,
        [*_dated(models.runs)],
        int(window.group(1)),
        models.settings.as_of,
    )
    removed = removal([each.need for each in found.unused])
    after = _estate_with(removed, options, models)
    refused = refused_after(models.current, after, uses)
    if console.json:
        console.print_json(_document(found, removed, refused))
    elif options.patch:
        console.print_exactly("".join(removed.diffs).rstrip("\n"))
    else:
        _print(found, removed, refused, uses, console)
    return FOUND if found.unused else OK


def _dated(runs: Sequence[Run]) -> Iterator[Dated]:
    """Yield the estates of the recorded runs."""
    from kong_oam.audit.uses.unused import Dated

    for run in runs:
        estate = run.estate()
        if estate:
            yield Dated(run.time[:10], estate)


def _estate_with(
    removed: Removal, options: Namespace, models: InForce
) -> Estate:
    """Return the estate of the Applications after a removal. Raises UsageError."""

    def read_one(file: Path, name: str, own: OwnTypes) -> Reading:
        text = removed.texts.get(name)
        raw = file.read_bytes() if text is None else text.encode()
        return read_bytes(name, raw, own)

    reading = reading_of(
        options.applications, models.settings, read_one=read_one
    )
    return with_absent_clients(estate_of(reading, models.settings))


def _words(need: Need) -> str:
    if need.kind == "grant":
        return f"{need.holder} has {need.detail}"
    if need.kind == "group":
        return f"group {need.holder} in role {need.role}"
    if need.kind == "public rule":
        is_open = need.detail == ",".join(sorted(METHODS))
        methods = "every method on" if is_open else need.detail
        return f"{methods} {need.holder} is public"
    return f"{need.holder} is a client"


def _print(
    found: Unused,
    removed: Removal,
    refused: Sequence[tuple[CallClass, Seen]],
    uses: Uses,
    console: Console,
) -> None:
    rows = [
        (
            each.need.component or each.need.holder,
            _words(each.need),
            (each.last or "never")[:10],
            each.since,
            each.owner or "",
            f"{each.need.position.file}:{each.need.position.line}",
        )
        for each in found.unused
    ]
    if rows:
        console.print_table(
            ("COMPONENT", "UNUSED", "LAST USE", "SINCE", "OWNER", "PLACE"), rows
        )
        console.print("")
    console.print(
        f"{len(rows)} unused from {found.start} to {found.end}; {len(found.waived)} kept by "
        f"waivers; {len(found.young)} younger than the window, or of unknown age"
    )
    if found.silent:
        days = [str(day) for day in found.silent]
        console.print(f"{len(days)} days have no records: {some(days)}")
    if removed.by_hand:
        listed = [_words(need) for need in removed.by_hand]
        console.print(f"not in the patch, remove by hand: {some(listed)}")
    for call, seen in refused:
        console.print(
            f"the removal would deny {seen.count:,} calls: {call_words(call)}"
        )
    if removed.diffs:
        allowed = sum(
            seen.count for call, seen in uses.classes.items() if call.is_allowed
        )
        if not refused:
            console.print(
                f"the removal denies none of {allowed:,} allowed calls"
            )
        console.print("")
        console.print_exactly("".join(removed.diffs).rstrip("\n"))


def _entry(each: UnusedNeed) -> UnusedEntry:
    return {
        **_need_entry(each.need),
        "last": each.last,
        "since": each.since,
        "owner": each.owner,
        "place": place_entry(each.need.position),
    }


def _need_entry(need: Need) -> NeedEntry:
    return {
        "kind": need.kind,
        "component": need.component or None,
        "holder": need.holder,
        "detail": need.detail or None,
        "role": need.role or None,
    }


def _day(day: date) -> str:
    return day.isoformat()


def _document(
    found: Unused,
    removed: Removal,
    refused: Sequence[tuple[CallClass, Seen]],
) -> UnusedAnswer:
    return {
        "from": _day(found.start),
        "to": _day(found.end),
        "unused": [_entry(each) for each in found.unused],
        "waived": [_need_entry(need) for need in found.waived],
        "young": [_need_entry(need) for need in found.young],
        "daysWithoutRecords": [*map(_day, found.silent)],
        "byHand": [_need_entry(need) for need in removed.by_hand],
        "refused": sum(seen.count for _, seen in refused),
        "patches": [*removed.diffs],
    }
