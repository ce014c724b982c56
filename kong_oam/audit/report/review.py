"""Reviews in the records: the decisions of reviewers about the lines of a report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from kong_oam.audit.history.run import Run
from kong_oam.audit.report.lines import LineKey
from kong_oam.oam.position import Fields, JsonObject

# The kind of a record with a review.
REVIEW: Final = "review"

Verdict = Literal["keep", "revoke"]


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision about a line. `is_own`: the reviewer is of the team that owns the component."""

    key: LineKey
    verdict: Verdict
    reason: str
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class Review:
    """An attested review.

    `time` is the time of the record, and `snapshot_time` the time of the report (RFC 3339, UTC).
    `snapshot` is the SHA-256 of the report's data, and `page` the SHA-256 of its file. `lines` is
    the number of lines in the report.
    """

    name: str
    team: str
    time: str
    snapshot: str
    snapshot_time: str
    page: str
    lines: int
    decisions: tuple[Decision, ...]


def reviews_in(runs: Iterable[Run]) -> tuple[Review, ...]:
    """Return the reviews among records, in order."""
    return tuple(_review(run) for run in runs if run.kind == REVIEW)


def _review(run: Run) -> Review:
    fields: Fields = run.data[REVIEW]
    return Review(
        fields["name"],
        fields.get("team", ""),
        run.time,
        fields["snapshot"],
        fields["snapshotTime"],
        fields["page"],
        fields["lines"],
        tuple(map(_decision, fields["decisions"])),
    )


def _decision(fields: Fields) -> Decision:
    return Decision(
        LineKey(fields["component"], fields["kind"], fields["holder"]),
        fields["decision"],
        fields["reason"],
        fields.get("ownTeam", False),
    )


def review_fields(review: Review) -> JsonObject:
    """Return the field `review` of a record. The record itself has the time."""
    decisions = []
    for decision in review.decisions:
        entry = {
            "component": decision.key.component,
            "kind": decision.key.kind,
            "holder": decision.key.holder,
            "decision": decision.verdict,
            "reason": decision.reason,
        }
        decisions.append(entry | ({"ownTeam": True} if decision.is_own else {}))
    team = {"team": review.team} if review.team else {}
    return {
        "name": review.name,
        **team,
        "snapshot": review.snapshot,
        "snapshotTime": review.snapshot_time,
        "page": review.page,
        "lines": review.lines,
        "decisions": decisions,
    }
