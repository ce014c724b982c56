"""Check dates in Applications."""

from __future__ import annotations

import datetime

from kong_oam.diagnostics import Diagnostic, Findings
from kong_oam.oam.position import SourcePosition


def date_findings(day: str, position: SourcePosition) -> Findings:
    """Yield an error if `day` (YYYY-MM-DD, checked by the schema) is not a date of the calendar."""
    try:
        datetime.date.fromisoformat(day)
    except ValueError:
        yield Diagnostic(
            "OAM103", f"'{day}' is not a date of the calendar", position
        )
