"""The gate's cost does not grow with its rules: they are looked up, not gone through."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks.gate import LIMIT, lines, measure


@pytest.mark.deep
def test_ten_thousand_rules_cost_little_more_than_four(
    report: Callable[[str], None],
) -> None:
    """CPU time, as a ratio within one process; a token with 150 groups costs no more than its length does."""
    seconds = measure(rounds=7, requests=500)
    for line in lines(seconds):
        report(line)
    for rules in ("100 rules", "1,000 rules", "10,000 rules"):
        assert seconds[rules] < LIMIT * seconds["4 rules"]
    assert seconds["4 rules, 150 groups"] < 50 * seconds["4 rules"]
