"""The report for a review of access, as a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from kong_oam.access.data import Names
from kong_oam.access.model import Estate
from kong_oam.access.rotation import Generation, GenerationOutput
from kong_oam.audit.history.chain import callers_by_id
from kong_oam.audit.history.run import Kind, RecordedOpening, Run
from kong_oam.audit.report.granted import (
    Grants,
    RunFacts,
    facts_of,
    grants_of,
)
from kong_oam.audit.report.lines import Line, LineKey, lines_of
from kong_oam.audit.report.review import Decision, Review, reviews_in
from kong_oam.audit.report.used import (
    CallsSince,
    calls_since,
    last_uses,
)
from kong_oam.audit.uses.model import Uses

# The users of each group.
Members = Mapping[str, Names]


@dataclass(frozen=True, slots=True)
class Source:
    """The origin of a snapshot. `time` is RFC 3339 in UTC. `files` names the Git revision."""

    stack: str
    time: str
    files: str
    command: str
    version: str


@dataclass(frozen=True, slots=True)
class ReportLine:
    """A line with its runs, and the time of its last use (RFC 3339) or an empty text.

    `granted`: the runs that granted scopes, each with its scopes; None is the first record.
    """

    line: Line
    granted: tuple[tuple[RunFacts | None, Names], ...] = ()
    last: str = ""


@dataclass(frozen=True, slots=True)
class KeyAge:
    """The key of a client: the day of its first use, and the day of the next step."""

    client: str
    since: date
    due: date
    is_overlapping: bool


@dataclass(frozen=True, slots=True)
class RecordedChange:
    """An emergency opening that somebody opened or closed."""

    time: str
    kind: Kind
    account: str
    opening: RecordedOpening


@dataclass(frozen=True, slots=True)
class Revocation:
    """A line that a reviewer revoked.

    `removed` is the run that removed the line, and `again` a later run that granted the line again.
    `calls` are its calls since the removal; None without uses. `is_granted`: the estate has it.
    """

    review: Review
    decision: Decision
    is_granted: bool
    again: RunFacts | None = None
    removed: RunFacts | None = None
    calls: CallsSince | None = None


@dataclass(frozen=True, slots=True)
class RunChange:
    """A run with its change of access, in a sentence."""

    run: RunFacts
    headline: str


@dataclass(frozen=True, slots=True)
class Report:
    """The snapshot that a reviewer decides about.

    `records`: the number of recorded models; 0 without records. `days`: the first and the last day
    with uses; empty without uses. `pending`: the change of access from the last record to the
    estate, in a sentence, or empty. `keys` and `members` are None if nobody gave them.
    """

    source: Source
    lines: tuple[ReportLine, ...]
    records: int = 0
    days: Names = ()
    pending: str = ""
    revocations: tuple[Revocation, ...] = ()
    changes: tuple[RunChange, ...] = ()
    openings: tuple[RecordedChange, ...] = ()
    keys: tuple[KeyAge, ...] | None = None
    members: Members | None = None
    reviewed: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything beside the estate that a report may show."""

    runs: tuple[Run, ...] = ()
    uses: Uses | None = None
    pending: str = ""
    keys: tuple[KeyAge, ...] | None = None
    members: Members | None = field(default=None, repr=False)


def report(source: Source, estate: Estate, evidence: Evidence) -> Report:
    """Return the report of an estate. Raises ModelError for a damaged record."""
    lines = lines_of(estate)
    grants = grants_of(evidence.runs)
    reviews = reviews_in(evidence.runs)
    reviewed = max((review.snapshot_time for review in reviews), default="")
    keys = {line.key for line in lines}
    uses = evidence.uses
    last = last_uses(estate, keys, uses) if uses else {}
    days = sorted(uses.days) if uses else []
    return Report(
        source,
        tuple(
            ReportLine(line, _granted(line, grants), last.get(line.key, ""))
            for line in lines
        ),
        grants.models,
        (days[0], days[-1]) if days else (),
        evidence.pending,
        tuple(_revocations(reviews, keys, grants, evidence)),
        tuple(_changes(evidence.runs, reviewed)),
        tuple(_openings(evidence.runs, reviewed)),
        evidence.keys,
        evidence.members,
        reviewed,
    )


def _granted(
    line: Line, grants: Grants
) -> tuple[tuple[RunFacts | None, Names], ...]:
    """Return the runs that granted a line, the first run first, each with its scopes."""
    by_run: dict[RunFacts | None, list[str]] = {}
    for scope, run in grants.granted.get(line.key, {}).items():
        if not line.scopes or scope in line.scopes:
            by_run.setdefault(run, []).append(scope)
    ordered = sorted(by_run, key=lambda run: run.number if run else 0)
    return tuple((run, tuple(sorted(by_run[run]))) for run in ordered)


def _revocations(
    reviews: Iterable[Review],
    keys: set[LineKey],
    grants: Grants,
    evidence: Evidence,
) -> Iterable[Revocation]:
    """Yield the revoked lines of all reviews, the last review first."""
    removed = {
        key: run.time for key, run in grants.removed.items() if key not in keys
    }
    calls: Mapping[LineKey, CallsSince] = {}
    if evidence.uses:
        callers = callers_by_id(evidence.runs)
        calls = calls_since(removed, evidence.uses, callers)
    for review in reversed(tuple(reviews)):
        for decision in review.decisions:
            if decision.verdict == "revoke":
                key = decision.key
                yield Revocation(
                    review,
                    decision,
                    key in keys,
                    _granted_after(review.time, key, grants),
                    grants.removed.get(key),
                    calls.get(key),
                )


def _granted_after(time: str, key: LineKey, grants: Grants) -> RunFacts | None:
    """Return the last run after a time that granted a line, or None."""
    later = [
        run
        for run in grants.granted.get(key, {}).values()
        if run and run.time > time
    ]
    return max(later, key=lambda run: run.number, default=None)


def _changes(runs: Iterable[Run], since: str) -> Iterable[RunChange]:
    """Yield the runs after a time that changed access, in order."""
    for run in runs:
        access = run.data.get("access") or {}
        if run.time > since and access.get("changes"):
            yield RunChange(facts_of(run), str(access.get("headline", "")))


def _openings(runs: Iterable[Run], since: str) -> Iterable[RecordedChange]:
    """Yield the openings that somebody opened or closed after a time, in order."""
    for run in runs:
        if run.time > since:
            account = run.data["by"]["account"]
            for opening in run.openings:
                yield RecordedChange(run.time, run.kind, account, opening)


def key_ages(outputs: Mapping[str, Any]) -> tuple[KeyAge, ...]:
    """Return the ages of keys from the outputs of a stack (`pulumi stack output --json`), by
    client. Raises KeyError, TypeError or ValueError for other data."""
    found = []
    credentials: Mapping[str, GenerationOutput] = outputs["credentials"]
    for client, entry in sorted(credentials.items()):
        generation = Generation.from_output(entry)
        found.append(
            KeyAge(
                client,
                generation.replaced or generation.since,
                date.fromisoformat(entry["due"]),
                generation.overlapping,
            )
        )
    return tuple(found)
