"""Compare the runbook's table of answers with the codes of decisions."""

from __future__ import annotations

import re

from tests.support.documentation import page

FAILURES = ("500", "503")
"""Statuses of failures of the gateway."""


def test_the_runbook_has_a_row_for_every_failure_of_the_gateway() -> None:
    """A row names the status and the code."""
    codes = re.findall(
        r"^\| `([a-z-]+)` \| (\d+) \|",
        page("reference/decisions.md"),
        re.MULTILINE,
    )
    failures = {
        f"{status}, `{code}`" for code, status in codes if status in FAILURES
    }
    answers = re.findall(
        r"^\| ([^|]+) \| [^|]+ \|$", page("runbook.md"), re.MULTILINE
    )
    assert {
        "500, `failed`",
        "503, `not-admitted`",
        "503, `unavailable`",
    } <= failures
    assert sorted(failures - {*answers}) == []
