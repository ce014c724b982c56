"""Days in Applications."""

from __future__ import annotations

import datetime

from kong_oam.diagnostics import Diagnostic, Findings
from kong_oam.oam.position import SourcePosition


def no_day(day: str, position: SourcePosition) -> Findings:
    """Yield that a day, of the form YYYY-MM-DD (which the schema has seen to), is none."""
    try:
        datetime.date.fromisoformat(day)
    except ValueError:
        yield Diagnostic(
            "OAM103", f"'{day}' is no day of the calendar", position
        )
