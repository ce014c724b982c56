"""`audit replay`: compare recorded decisions with the models that were in force."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypedDict

from kong_oam.cli.audit_models import add_runs, add_uses_files, in_force
from kong_oam.cli.audit_uses import (
    UnreadEntry,
    print_unread,
    unread_entries,
)
from kong_oam.cli.command import FOUND, OK
from kong_oam.cli.console import Console

if TYPE_CHECKING:
    from kong_oam.audit.history.run import RecordedOpening, Run
    from kong_oam.audit.uses.model import CallClass, Seen, Uses
    from kong_oam.audit.uses.replay import Difference, Opening, Replay
    from kong_oam.audit.uses.sequences import Gap

REPLAY_DETAILS = """\
Decides recorded calls again, each class once, by the model of its revision. It lists:

  calls that the gateway decided in another way than intended: decision, code or path of the rules
  calls of a revision that nobody recorded, and calls by an opening that nobody recorded
  clients outside the estate that the gateway allowed
  missing records: gaps in the numbers of a worker

Without --runs or the stack's `evidence`, it knows only the revisions of the Applications.

  python -m kong_oam audit replay uses.parquet --runs records

Exit status: 0 without a finding, 1 with findings.
"""

# Rows of each table.
_SHOWN = 20


class CallEntry(TypedDict):
    """A class of recorded calls."""

    component: str
    port: str
    revision: str
    admitted: str | None
    method: str
    host: str
    path: str
    caller: str | None
    client: str | None
    by: str | None
    user: bool | None
    scopes: list[str]
    groups: list[str]
    address: str | None
    decision: str
    code: str
    rulePath: str | None
    count: int
    first: str
    last: str
    example: str


class IntendedEntry(TypedDict):
    """The decision of the model that was in force."""

    decision: str
    code: str
    rulePath: str | None
    rule: str | None


class DifferenceEntry(CallEntry):
    """Recorded calls that the gateway decided in another way than intended."""

    intended: IntendedEntry


class UnknownRevision(TypedDict):
    """Calls of a revision that nobody recorded."""

    component: str
    port: str
    revision: str
    count: int


class UnknownClient(TypedDict):
    """Calls of a client outside the estate."""

    client: str
    component: str
    count: int
    allowed: bool


class GapEntry(TypedDict):
    """Missing records: a gap in the numbers of a worker."""

    component: str
    port: str
    node: str
    worker: str
    first: int
    last: int


class ReplayAnswer(TypedDict):
    """Recorded decisions compared with the models in force."""

    records: int
    judged: int
    differences: list[DifferenceEntry]
    unknownRevisions: list[UnknownRevision]
    unknownClients: list[UnknownClient]
    unrecordedOpenings: list[CallEntry]
    gaps: list[GapEntry]
    earlier: int
    unjudged: dict[str, int]
    unnumbered: int
    problems: list[UnreadEntry]


def replay_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of `audit replay`."""
    add_uses_files(parser)
    add_runs(parser)


def run_replay(options: Namespace, console: Console) -> int:
    """Run `audit replay`."""
    from kong_oam.audit.uses.replay import replay
    from kong_oam.audit.uses.store import read_uses

    uses = read_uses(options.uses)
    models = in_force(options)
    result = replay(uses, models.models, openings(models.runs))
    if console.json:
        console.print_json(_document(uses, result))
    else:
        _print(uses, result, console)
    return FOUND if result.has_findings else OK


def openings(runs: Sequence[Run]) -> Iterator[Opening]:
    """Yield the recorded openings. A record of closing ends an opening early."""
    from kong_oam.audit.uses.replay import Opening

    for index, run in enumerate(runs):
        if run.kind != "open":
            continue
        for opened in run.openings:
            end = _end(run, opened)
            for later in runs[index + 1 :]:
                paths = {(each.component, each.path) for each in later.openings}
                if later.kind == "close" and (
                    (opened.component, opened.path) in paths
                ):
                    # A record has whole seconds, and calls may arrive until it is written.
                    closed = datetime.fromisoformat(later.time)
                    end = min(end, closed + timedelta(seconds=1))
                    break
            yield Opening(
                opened.component,
                opened.path,
                opened.methods,
                datetime.fromisoformat(run.time),
                end,
            )


def _end(run: Run, opened: RecordedOpening) -> datetime:
    """Return the end of an opening. The gate ignores longer openings."""
    from kong_oam.kong.table import LONGEST_OPENING

    if opened.ends:
        return datetime.fromisoformat(opened.ends)
    longest = timedelta(minutes=LONGEST_OPENING)
    return datetime.fromisoformat(run.time) + longest


def call_words(call: CallClass) -> str:
    """Return a class of calls in words."""
    caller = call.caller or call.client or "nobody"
    if call.user:
        caller += f" for users in {' and '.join(call.groups) or 'no group'}"
    return f"{call.method} {call.host}{call.path} by {caller}"


def _answer(decision: str, code: str, path: str | None) -> str:
    return f"{decision} {code} {path or ''}".rstrip()


def _print(uses: Uses, result: Replay, console: Console) -> None:
    print_unread(uses.unread, console)
    _print_differences(result.differences, console)
    for (component, port, revision), count in result.unknown_revisions.items():
        console.print(
            f"{count:,} calls of {component}, port {port}: nobody recorded revision {revision}"
        )
    for (client, component), count in result.unknown_clients.items():
        was_allowed = (client, component) in result.allowed_unknown
        note = " (allowed)" if was_allowed else ""
        console.print(
            f"{count:,} calls of {component} by client id {client}, which no component has{note}"
        )
    for call, seen in result.unrecorded_openings:
        console.print(
            f"{seen.count:,} calls by an opening that nobody recorded: {call_words(call)}, "
            f"from {seen.first} to {seen.last}"
        )
    _print_gaps(result.gaps, console)
    for reason, count in result.unjudged.items():
        console.print(f"{count:,} calls not judged: {reason}")
    if result.earlier:
        console.print(
            f"{result.earlier:,} records precede the first records: in earlier logs, or lost"
        )
    if uses.unnumbered:
        console.print(
            f"{uses.unnumbered:,} records without a number: gaps cannot be seen"
        )
    console.print(_summary(uses, result))


def _print_differences(
    differences: Sequence[Difference], console: Console
) -> None:
    rows = []
    for each in differences[:_SHOWN]:
        call = each.call
        intended = "allowed" if each.intended.allowed else "refused"
        rows.append(
            (
                f"{each.seen.count:,}",
                call_words(call),
                _answer(call.decision, call.code, call.rule_path),
                _answer(intended, each.intended.code, each.intended_path),
                each.rule or "",
                each.seen.example,
            )
        )
    if rows:
        header = ("CALLS", "CALL", "RECORDED", "INTENDED", "RULE", "EXAMPLE")
        console.print_table(header, rows)
        more = len(differences) - _SHOWN
        if more > 0:
            console.print(f"and {more:,} more: add --json")
        console.print("")


def _print_gaps(gaps: Sequence[Gap], console: Console) -> None:
    if not gaps:
        return
    missing = sum(gap.count for gap in gaps)
    rows = [
        (
            f"{gap.count:,}",
            f"{gap.counter.component}:{gap.counter.port}",
            gap.counter.node,
            gap.counter.worker,
            f"{gap.first}-{gap.last}",
        )
        for gap in gaps[:_SHOWN]
    ]
    console.print_table(
        ("MISSING", "COMPONENT", "NODE", "WORKER", "NUMBERS"), rows
    )
    console.print(f"{missing:,} records are missing", "")


def _summary(uses: Uses, result: Replay) -> str:
    different = sum(each.seen.count for each in result.differences)
    return (
        f"{result.judged:,} of {uses.count:,} calls judged; {different:,} decided otherwise than "
        "intended"
    )


def _call_entry(call: CallClass, seen: Seen) -> CallEntry:
    return {
        "component": call.component,
        "port": call.port,
        "revision": call.revision,
        "admitted": call.admitted,
        "method": call.method,
        "host": call.host,
        "path": call.path,
        "caller": call.caller,
        "client": call.client,
        "by": call.by,
        "user": call.user,
        "scopes": [*call.scopes],
        "groups": [*call.groups],
        "address": call.address,
        "decision": call.decision,
        "code": call.code,
        "rulePath": call.rule_path,
        "count": seen.count,
        "first": seen.first,
        "last": seen.last,
        "example": seen.example,
    }


def _document(uses: Uses, result: Replay) -> ReplayAnswer:
    differences: list[DifferenceEntry] = [
        {
            **_call_entry(each.call, each.seen),
            "intended": {
                "decision": "allowed" if each.intended.allowed else "refused",
                "code": each.intended.code,
                "rulePath": each.intended_path,
                "rule": each.rule,
            },
        }
        for each in result.differences
    ]
    return {
        "records": uses.count,
        "judged": result.judged,
        "differences": differences,
        "unknownRevisions": [
            {
                "component": component,
                "port": port,
                "revision": revision,
                "count": count,
            }
            for (
                component,
                port,
                revision,
            ), count in result.unknown_revisions.items()
        ],
        "unknownClients": [
            {
                "client": client,
                "component": component,
                "count": count,
                "allowed": (client, component) in result.allowed_unknown,
            }
            for (client, component), count in result.unknown_clients.items()
        ],
        "unrecordedOpenings": [
            _call_entry(call, seen) for call, seen in result.unrecorded_openings
        ],
        "gaps": [
            {
                "component": gap.counter.component,
                "port": gap.counter.port,
                "node": gap.counter.node,
                "worker": gap.counter.worker,
                "first": gap.first,
                "last": gap.last,
            }
            for gap in result.gaps
        ],
        "earlier": result.earlier,
        "unjudged": {**result.unjudged},
        "unnumbered": uses.unnumbered,
        "problems": unread_entries(uses.unread),
    }
