"""Emergency openings, as the gate reads them: a path of a rule, some methods, and at most eight
hours."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.gate_requests import ISSUER, gate_call, table_with
from tests.support.tiers import examples

NOW = ISSUER.now
HOURS = 3600.0
OWNERS = {
    "/orders": "/orders",
    "/orders/7": "/orders",
    "/orders/health": "/orders/health",
    "/orders/health/deep": "/orders/health/deep",
    "/orders/health/deep/7": "/orders/health/deep",
    "/docs": "/docs",
}
"""By path of a request, the path of the rule that owns it."""

PUBLIC = {("/orders/health", "GET"), ("/docs", "GET"), ("/docs", "OPTIONS")}
"""The public rules, as path of the rule and method."""

METHODS = ("GET", "POST", "OPTIONS")


def passes(path: str, method: str, opened: dict[str, object]) -> bool:
    """Whether the gate lets somebody without a token through while this is opened."""
    call = gate_call(
        None,
        table_with(opened=opened),
        path=path,
        **{"ngx.req.get_method": method},
    )
    return call.run() == "on"


@settings(max_examples=examples(300), deadline=None)
@given(
    path=st.sampled_from(list(OWNERS)),
    method=st.sampled_from(METHODS),
    opened=st.sampled_from(sorted(set(OWNERS.values()))),
    methods=st.lists(st.sampled_from(METHODS), unique=True),
    lasts=st.sampled_from([1.0, 60.0, 8 * HOURS])
    | st.floats(-9 * HOURS, 9 * HOURS),
)
def test_an_opening_lets_everybody_call_what_it_says_and_nothing_else(
    path: str, method: str, opened: str, methods: list[str], lasts: float
) -> None:
    """Below the path of a longer rule nothing is opened; what is over, or lasts longer, opens nothing at all."""
    ends = NOW + lasts  # of a moment that is too short for a number, now
    is_opened = (
        OWNERS[path] == opened
        and method in methods
        and NOW < ends <= NOW + 8 * HOURS
    )
    is_public = (OWNERS[path], method) in PUBLIC
    opening = {"path": opened, "methods": methods, "ends": ends, "reason": "x"}
    assert passes(path, method, opening) == (is_opened or is_public)


@pytest.mark.parametrize(
    ("lasts", "is_open"),
    [(-1, False), (0, False), (1, True), (28_800, True), (28_801, False)],
)
def test_an_opening_lasts_eight_hours_at_most(
    lasts: int, is_open: bool
) -> None:
    """One that is written by hand with a longer end is a rule, and belongs into the Application."""
    opening = {
        "path": "/orders",
        "methods": ["GET"],
        "ends": NOW + lasts,
        "reason": "x",
    }
    assert passes("/orders", "GET", opening) == is_open
