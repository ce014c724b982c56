"""Write the lines of a report as CSV, with the rules of the matrix."""

from __future__ import annotations

import csv
import io

from kong_oam.access.matrix.sheet import cell
from kong_oam.audit.report.report import Report
from kong_oam.audit.report.words import (
    approver_words,
    details,
    granted_words,
    members_of,
    scope_words,
    use_words,
)

COLUMNS = (
    "component",
    "owner",
    "kind",
    "holder",
    "holder's owner",
    "scopes",
    "details",
    "granted by",
    "approved by",
    "last use",
    "members",
    "source",
)


def sheet(report: Report) -> str:
    """Return the lines of a report as CSV (RFC 4180)."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    source = source_words(report)
    for reported in report.lines:
        line = reported.line
        cells = (
            line.key.component,
            line.owner,
            line.key.kind,
            line.key.holder,
            line.holder_owner,
            scope_words(line.scopes),
            details(line),
            granted_words(reported, report),
            approver_words(reported),
            use_words(reported, report),
            " ".join(members_of(line, report)),
            source,
        )
        writer.writerow(map(cell, cells))
    return out.getvalue()


def source_words(report: Report) -> str:
    """Return the origin of a report, on one line."""
    source = report.source
    return (
        f"stack {source.stack}, {source.time}, {source.files}, "
        f"Kong-OAM {source.version}, {source.command}"
    )
