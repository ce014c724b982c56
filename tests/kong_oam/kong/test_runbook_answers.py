"""The runbook's table of answers, held against the codes of decisions."""

from __future__ import annotations

import re

from tests.support.documentation import page

FAILURES = ("500", "503")
"""Statuses that no caller brings about."""


def test_the_runbook_tells_every_failure_of_the_gateway_apart() -> None:
    """Each code with such a status has a row of its own there."""
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
