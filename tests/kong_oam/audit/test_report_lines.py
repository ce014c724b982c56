"""The report of a review: runs, revocations, openings, keys and texts."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from kong_oam.access.diff.snapshot import dump_model
from kong_oam.audit.history.read import read_runs
from kong_oam.audit.report.granted import RunFacts
from kong_oam.audit.report.lines import LineKey, LineKind, lines_of
from kong_oam.audit.report.removal import removal_of
from kong_oam.audit.report.report import (
    Evidence,
    KeyAge,
    Report,
    Revocation,
    Source,
    report,
)
from kong_oam.audit.report.review import (
    REVIEW,
    Decision,
    Review,
    review_fields,
    reviews_in,
)
from kong_oam.audit.report.sheet import COLUMNS, sheet
from kong_oam.audit.report.used import CallsSince
from kong_oam.audit.report.words import (
    approver_words,
    granted_words,
    key_words,
    opening_words,
    revoked_words,
)
from tests.support.diffs import API, SHOP, model
from tests.support.history import write_chain

SOURCE = Source("prod", "2026-12-01T10:00:00Z", "git revision abc", "cmd", "1")
RUN = RunFacts(4, "2026-11-25T10:00:00Z", 40 * "a", (12,), ("ann",), ("ben",))
SALES = LineKey("orders/api", "group", "sales")
WEB = LineKey("orders/api", "client", "shop/web")
REVIEWED = Review(
    name="Ann",
    team="team-orders",
    time="2026-11-01T10:00:00Z",
    snapshot=64 * "1",
    snapshot_time="2026-11-01T09:00:00Z",
    page=64 * "2",
    lines=6,
    decisions=(
        Decision(WEB, "revoke", "not used", is_own=True),
        Decision(SALES, "keep", "they sell"),
    ),
)
MODEL = dump_model(model(API, SHOP)).split("\n")


def made(*runs_of: dict[str, object], folder: Path) -> Report:
    """Return the report of two Applications with these records."""
    write_chain(folder, *runs_of)
    evidence = Evidence(read_runs(folder))
    return report(SOURCE, model(API, SHOP).estate, evidence)


def test_a_review_is_recorded_and_read(tmp_path: Path) -> None:
    """The record has the time."""
    record = {
        "kind": REVIEW,
        "time": REVIEWED.time,
        REVIEW: review_fields(REVIEWED),
    }
    write_chain(tmp_path, record)
    assert reviews_in(read_runs(tmp_path)) == (REVIEWED,)


def revoked(kind: LineKind = "client", **more: object) -> Revocation:
    """Return the revocation of a line."""
    decision = Decision(LineKey("orders/api", kind, "x"), "revoke", "gone")
    plain = Revocation(REVIEWED, decision, is_granted=False, removed=RUN)
    return replace(plain, **more)  # type: ignore[arg-type]


REMOVED = "removed by run 4 of 2026-11-25, commit aaaaaaaaaaaa, pull request 12"


@pytest.mark.parametrize(
    ("revocation", "words"),
    [
        (revoked(is_granted=True, removed=None), "still granted"),
        (
            revoked(is_granted=True, again=replace(RUN, number=5)),
            "granted again by run 5 of 2026-11-25, commit aaaaaaaaaaaa, pull request 12",
        ),
        (revoked(removed=None), "gone, by no recorded run"),
        (revoked(), f"{REMOVED}; no records of calls"),
        (revoked(calls=CallsSince()), f"{REMOVED}; no call since"),
        (
            revoked(calls=CallsSince(2, 3, "2026-12-01T10:00:00Z")),
            f"{REMOVED}; 2 calls ALLOWED since",
        ),
        (
            revoked("group", calls=CallsSince()),
            f"{REMOVED}; records of calls do not name it",
        ),
    ],
)
def test_a_revocation_has_its_result(
    revocation: Revocation, words: str
) -> None:
    """An allowed call after the removal comes first."""
    assert revoked_words(revocation) == words


def test_a_line_that_came_back_after_its_review_is_named(
    tmp_path: Path,
) -> None:
    """Only revoked lines are listed."""
    review = {
        "kind": REVIEW,
        "time": REVIEWED.time,
        REVIEW: review_fields(REVIEWED),
    }
    without_web = [line for line in MODEL if not line.startswith("shop/web ")]
    found = made(
        {"model": MODEL, "time": "2026-10-01T10:00:00Z"},
        review,
        {"model": without_web, "time": "2026-11-02T10:00:00Z"},
        {"model": MODEL, "time": "2026-11-03T10:00:00Z"},
        folder=tmp_path,
    ).revocations
    (only,) = found
    assert only.decision.key == WEB
    assert revoked_words(only) == "granted again by run 4 of 2026-11-03"


def test_changes_and_openings_since_the_last_review_are_listed(
    tmp_path: Path,
) -> None:
    """The time of the report counts, not the time of its review. A run without a change of access is left out."""
    opening = {
        "component": "orders/api",
        "path": "/orders",
        "methods": ["GET"],
        "ends": "2026-11-05T11:00:00Z",
        "reason": "INC-1",
    }
    change = {"headline": "granted to eve", "changes": [{}]}
    found = made(
        {"model": MODEL, "access": change, "time": "2026-10-01T10:00:00Z"},
        {"access": change, "time": "2026-11-01T09:30:00Z"},
        {
            "kind": REVIEW,
            "time": REVIEWED.time,
            REVIEW: review_fields(REVIEWED),
        },
        {
            "access": {"headline": "", "changes": []},
            "time": "2026-11-02T10:00:00Z",
        },
        {"kind": "open", "openings": [opening], "time": "2026-11-05T10:00:00Z"},
        folder=tmp_path,
    )
    assert [(each.run.number, each.headline) for each in found.changes] == [
        (2, "granted to eve")
    ]
    (opened,) = found.openings
    assert opening_words(opened) == (
        "opened orders/api GET /orders, until 2026-11-05T11:00:00Z, by ann: INC-1"
    )


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (replace(RUN, is_forge_known=True), "ben"),
        (replace(RUN, is_forge_known=True, alone=("ann",)), "ann alone"),
        (replace(RUN, is_forge_known=True, approvers=()), "nobody"),
        (RUN, "not known"),
        (None, ""),
    ],
)
def test_a_line_has_its_approvers(run: RunFacts | None, words: str) -> None:
    """An author who approved alone is named."""
    (first, *_) = report(SOURCE, model(API, SHOP).estate, Evidence()).lines
    assert approver_words(replace(first, granted=((run, ()),))) == words


def test_several_runs_have_their_scopes() -> None:
    """A later run may widen a grant."""
    plain = report(SOURCE, model(API, SHOP).estate, Evidence())
    granted = ((None, ("read",)), (replace(RUN, commit=""), ("write",)))
    line = replace(plain.lines[0], granted=granted)
    assert granted_words(line, replace(plain, records=2)) == (
        "read: before the first record; write: run 4 of 2026-11-25, pull request 12"
    )


def test_a_key_has_its_age() -> None:
    """The previous key may count, too."""
    key = KeyAge("shop/web at okta", date(2026, 1, 1), date(2026, 4, 1), True)
    assert key_words(key, "2026-04-01") == (
        "since 2026-01-01, the previous key counts too"
    )
    assert ", overdue since 2026-04-01" in key_words(key, "2026-04-02")


INTERNAL = API.replace(
    "            scopes:",
    "            internal: [{port: 9000, components: [shop/checkout]}]\n            scopes:",
).replace(
    "{image: orders}", "{image: orders, ports: [{port: 8080}, {port: 9000}]}"
)


def test_connections_and_waivers_are_lines() -> None:
    """A connection has its port. A waiver has its reason and its last day."""
    waived = INTERNAL.replace(
        "            roles:",
        '            waivers: [{finding: LINT305, reason: why not, until: "2027-01-01"}]\n'
        "            roles:",
    )
    estate = model(waived, SHOP).estate
    found = {line.key: line for line in lines_of(estate)}
    connection = LineKey("orders/api", "connection", "shop/checkout to 9000")
    assert connection in found
    waiver = found[LineKey("orders/api", "waiver", "LINT305")]
    assert (waiver.reason, waiver.until) == ("why not", "2027-01-01")
    (change,) = removal_of(
        estate, [connection, waiver.key], lambda *_: ""
    ).diffs
    removed = [line for line in change.splitlines() if line[:2] == "- "]
    assert [line.split()[1] for line in removed] == ["internal:", "waivers:"]
    assert "\n+ " not in change


def test_another_caller_of_a_port_stays() -> None:
    """Only the revoked caller leaves the entry."""
    both = INTERNAL.replace(
        "components: [shop/checkout]}", "components: [shop/checkout, shop/web]}"
    )
    key = LineKey("orders/api", "connection", "shop/checkout to 9000")
    (change,) = removal_of(model(both, SHOP).estate, [key], lambda *_: "").diffs
    assert (
        "+            internal: [{port: 9000, components: [shop/web]}]"
        in change
    )


def test_csv_has_a_line_for_each_line() -> None:
    """Each line has the source, since spreadsheets sort and split lines."""
    rows = list(
        csv.reader(
            io.StringIO(
                sheet(report(SOURCE, model(API, SHOP).estate, Evidence()))
            )
        )
    )
    assert rows[0] == list(COLUMNS)
    assert rows[2][:6] == [
        "orders/api",
        "team-orders",
        "client",
        "shop/web",
        "team-shop",
        "read write",
    ]
    assert {row[-1] for row in rows[1:]} == {
        "stack prod, 2026-12-01T10:00:00Z, git revision abc, Kong-OAM 1, cmd"
    }
