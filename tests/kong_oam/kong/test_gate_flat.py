"""The gate's cost does not grow with its rules: they are looked up, not gone through."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.gate import lines, measure, too_slow


@pytest.mark.deep
def test_no_case_costs_more_than_its_limit(
    report: Callable[[str], None],
) -> None:
    """CPU time, as ratios within one process."""
    seconds = measure(rounds=7, requests=500)
    for line in lines(seconds):
        report(line)
    assert too_slow(seconds) == []


def test_a_slow_case_is_named() -> None:
    measured = {
        "4 rules": 10.0,
        "100 rules": 26.0,
        "1,000 rules": 24.0,
        "10,000 rules": 25.0,
        "4 rules, 150 groups": 10.0,
        "4 rules, two tokens": 40.0,
        "10,000 rules, two tokens": 99.0,
        "150 groups, two tokens": 401.0,
    }
    assert too_slow(measured) == [
        "100 rules: more than 2.5 times 4 rules",
        "150 groups, two tokens: more than 10 times 4 rules, two tokens",
    ]
