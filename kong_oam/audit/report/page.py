"""Write a report as one HTML page that loads nothing from the network.

The data of the page is the snapshot. Its SHA-256 is in the page, and in the reviewer's decisions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from kong_oam.access.data import JsonObject
from kong_oam.access.matrix.html import as_json, html_page
from kong_oam.access.matrix.html import part as matrix_part
from kong_oam.audit.report.report import Report
from kong_oam.audit.report.sheet import source_words
from kong_oam.audit.report.words import (
    approver_words,
    details,
    granted_words,
    key_words,
    opening_words,
    revoked_words,
    run_words,
    scope_words,
    totals,
    use_words,
)
from kong_oam.diagnostics import printable

VERSION = 1

# The places of a line's texts in its list of numbers.
COMPONENT, KIND, HOLDER, OWNER = range(4)


def page(report: Report) -> str:
    """Return the page. Its texts are printable, and on one line each."""
    script = matrix_part("elements.js") + _part("page.js")
    style = matrix_part("page.css") + _part("page.css")
    data = as_json(_data(report))
    return html_page(
        _part("page.html"), style, script, data, digest=digest_of(data)
    )


def digest_of(data: str) -> str:
    """Return the SHA-256 of a snapshot: the data of a page, as text."""
    return sha256(data.encode()).hexdigest()


def _part(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf-8")


@dataclass(slots=True)
class _Names:
    """All texts of a page, each once. Lines refer to them by number."""

    numbers: dict[str, int] = field(default_factory=dict)

    def number(self, text: str) -> int:
        return self.numbers.setdefault(printable(text), len(self.numbers))


def _data(report: Report) -> JsonObject:
    names = _Names()
    lines = []
    for reported in report.lines:
        line = reported.line
        texts = (
            line.key.component,
            line.key.kind,
            line.key.holder,
            line.owner,
            line.holder_owner,
            scope_words(line.scopes),
            details(line),
            granted_words(reported, report),
            approver_words(reported),
            use_words(reported, report),
        )
        lines.append([names.number(text) for text in texts])
    return {
        "version": VERSION,
        "stack": printable(report.source.stack),
        "time": report.source.time,
        "source": printable(source_words(report)),
        "totals": totals(report),
        "notes": [*map(printable, _notes(report))],
        "sections": [*_sections(report)],
        "members": _members(report),
        "names": list(names.numbers),
        "lines": lines,
    }


def _members(report: Report) -> dict[str, list[str]]:
    """Return the users of the groups that have a line."""
    found = {}
    for reported in report.lines:
        key = reported.line.key
        if report.members and key.kind == "group":
            users = report.members.get(key.holder, ())
            found[printable(key.holder)] = [*map(printable, users)]
    return found


def _notes(report: Report) -> Iterator[str]:
    """Yield the limits of this snapshot."""
    if report.members is None:
        yield (
            "This page ends at groups: it does not know their users. "
            "`--members FILE` adds them."
        )
    if not report.records:
        yield (
            "Without records of runs, this page does not know who granted a line. "
            "`--runs FOLDER` adds them."
        )
    if report.days:
        yield f"Calls are recorded from {report.days[0]} to {report.days[1]}."
    else:
        yield "Without records of calls, this page knows no last use. `--uses FILE` adds them."
    if report.pending:
        yield f"The Applications differ from the last recorded run: {report.pending}."


def _sections(report: Report) -> Iterator[JsonObject]:
    """Yield the tables beside the lines."""
    since = f" since {report.reviewed[:10]}" if report.reviewed else ""
    if report.revocations:
        rows = [
            (
                " ".join(
                    (
                        each.decision.key.component,
                        each.decision.key.kind,
                        each.decision.key.holder,
                    )
                ),
                f"{each.review.name}, {each.review.time[:10]}",
                each.decision.reason,
                revoked_words(each),
            )
            for each in report.revocations
        ]
        yield _section("Revoked in earlier reviews", _REVOKED, rows)
    if report.records:
        changes = [
            (run_words(each.run), ", ".join(each.run.approvers), each.headline)
            for each in report.changes
        ]
        title = f"Changes of access{since or ' in the records'}"
        yield _section(title, ("Run", "Approved by", "Change"), changes)
        openings = [
            (each.time, opening_words(each)) for each in report.openings
        ]
        yield _section(
            f"Emergency openings{since}", ("Time", "Opening"), openings
        )
    if report.keys is not None:
        keys = [
            (each.client, key_words(each, report.source.time[:10]))
            for each in report.keys
        ]
        yield _section("Keys of clients", ("Client", "Key"), keys)


_REVOKED = ("Line", "Reviewer", "Reason", "Since then")


def _section(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]
) -> JsonObject:
    """Return a table as data of the page."""
    printed = [[*map(printable, row)] for row in rows]
    return {"title": title, "columns": [*columns], "rows": printed}
