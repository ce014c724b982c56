"""The texts of a report's cells, the same in the page and in CSV."""

from __future__ import annotations

from kong_oam.access.data import Names
from kong_oam.audit.report.granted import NO_SCOPE, RunFacts
from kong_oam.audit.report.lines import Line
from kong_oam.audit.report.report import (
    KeyAge,
    RecordedChange,
    Report,
    ReportLine,
    Revocation,
)
from kong_oam.audit.report.used import UNRECORDED, UNRECORDED_DENIALS

# As much of a commit as people compare.
_SHORT = 12
_NOT_RECORDED = "not recorded"


def run_words(run: RunFacts | None) -> str:
    """Return a run in words: `run 7 of 2026-11-25, commit 0f3c..., pull request 12`."""
    if run is None:
        return "before the first record"
    words = f"run {run.number} of {run.time[:10]}"
    if run.commit:
        words += f", commit {run.commit[:_SHORT]}"
    for number in run.pull_requests:
        words += f", pull request {number}"
    return words


def granted_words(line: ReportLine, report: Report) -> str:
    """Return the runs that granted a line. If there are several, each has its scopes."""
    if not report.records or not line.granted:
        return _NOT_RECORDED
    if len(line.granted) == 1:
        return run_words(line.granted[0][0])
    parts = [
        f"{' '.join(scopes)}: {run_words(run)}" for run, scopes in line.granted
    ]
    return "; ".join(parts)


def approver_words(line: ReportLine) -> str:
    """Return the approvers of the runs that granted a line."""
    words = dict.fromkeys(
        _approvers(run) for run, _ in line.granted if run is not None
    )
    return "; ".join(words)


def _approvers(run: RunFacts) -> str:
    if not run.is_forge_known:
        return "not known"
    if run.alone:
        return f"{', '.join(run.alone)} alone"
    return ", ".join(run.approvers) or "nobody"


def use_words(line: ReportLine, report: Report) -> str:
    """Return the last use of a line, or the reason why none is known."""
    if line.line.key.kind in UNRECORDED:
        return _NOT_RECORDED
    if not report.days:
        return "no records"
    return line.last[:10] or f"none since {report.days[0]}"


def details(line: Line) -> str:
    """Return the groups of a client's users, the reason and the last day of a line."""
    words = []
    if line.groups:
        words.append(f"for users in {', '.join(line.groups)}")
    if line.refused:
        words.append(line.refused)
    if line.reason:
        words.append(line.reason)
    if line.until:
        words.append(f"until {line.until}")
    return "; ".join(words)


def members_of(line: Line, report: Report) -> Names:
    """Return the users that `--members` lists for a group."""
    if report.members is None or line.key.kind != "group":
        return ()
    return report.members.get(line.key.holder, ())


def revoked_words(revocation: Revocation) -> str:
    """Return what happened after a line was revoked."""
    if revocation.again:
        return f"granted again by {run_words(revocation.again)}"
    if revocation.is_granted:
        return "still granted"
    if revocation.removed is None:
        return "gone, by no recorded run"
    words = f"removed by {run_words(revocation.removed)}"
    if revocation.decision.key.kind in UNRECORDED_DENIALS:
        return f"{words}; records of calls do not name it"
    calls = revocation.calls
    if calls is None:
        return f"{words}; no records of calls"
    if calls.allowed:
        return f"{words}; {calls.allowed:,} calls ALLOWED since"
    if calls.denied:
        return f"{words}; {calls.denied:,} calls denied since, the last on {calls.last[:10]}"
    return f"{words}; no call since"


def opening_words(change: RecordedChange) -> str:
    """Return an opening in words."""
    opening = change.opening
    words = "opened" if change.kind == "open" else "closed"
    place = f"{opening.component} {','.join(opening.methods)} {opening.path}"
    ends = f", until {opening.ends}" if opening.ends else ""
    reason = f": {opening.reason}" if opening.reason else ""
    return f"{words} {place.strip()}{ends}, by {change.account}{reason}"


def key_words(key: KeyAge, today: str) -> str:
    """Return the age of a key in words. `today` is a day (YYYY-MM-DD)."""
    words = f"since {key.since}"
    if today > key.due.isoformat():
        words += f", overdue since {key.due}"
    if key.is_overlapping:
        words += ", the previous key counts too"
    return words


def totals(report: Report) -> dict[str, int]:
    """Return the number of lines by kind."""
    found: dict[str, int] = {}
    for line in report.lines:
        kind = line.line.key.kind
        found[kind] = found.get(kind, 0) + 1
    return found


def scope_words(scopes: Names) -> str:
    """Return scopes in words."""
    return " ".join(scope for scope in scopes if scope != NO_SCOPE)
