"""Refusals that refuse nothing are findings of lint."""

from __future__ import annotations

import pytest

from tests.support.estates import api
from tests.support.lint_estates import linted

LONGER = "/orders/x"
RULES = (
    "{paths: [/orders], methods: [GET], public: {reason: x, until: '2099-01-01'}, refusals: %s}, "
    f"{{paths: [{LONGER}], methods: [GET], public: {{reason: y, until: '2099-01-01'}}}}"
)


@pytest.mark.parametrize(
    ("refusals", "message"),
    [
        (
            "{exactly: [/orders/x/y]}",
            "exactly '/orders/x/y' refuses nothing: the rules on /orders/x own these paths",
        ),
        (
            "{below: [/orders/x]}",
            "below '/orders/x' refuses nothing: the rules on /orders/x own these paths",
        ),
        (
            "{begins: [/orders/z, /orders/zz]}",
            "begins '/orders/zz' refuses nothing: the rule refuses '/orders/z*' already",
        ),
        ("{begins: [/orders/x]}", None),
        ("{exactly: [/orders]}", None),
    ],
)
def test_a_refusal_that_refuses_nothing_is_a_finding(
    refusals: str, message: str | None
) -> None:
    """A text also refuses paths beside the longer rule, such as `/orders/xy`."""
    text = api(access=f"{{owner: t, rules: [{RULES % refusals}]}}")
    _, findings = linted({"a.yaml": text})
    found = [
        finding.message for finding in findings if finding.code == "LINT304"
    ]
    assert found == ([message] if message else [])


def test_a_rule_with_fewer_refusals_shadows_a_rule_with_more() -> None:
    """Another rule refuses other paths, so both decide."""
    rule = "{paths: [/orders], methods: [GET], public: {reason: x, until: '2099-01-01'}, refusals: {exactly: [%s]}}"

    def shadowed(first: str, second: str) -> int:
        rules = f"{rule % first}, {rule % second}"
        text = api(access=f"{{owner: t, rules: [{rules}]}}")
        _, findings = linted({"a.yaml": text})
        return [finding.code for finding in findings].count("LINT304")

    assert shadowed("/orders/a", "/orders/a, /orders/b") == 1
    assert shadowed("/orders/a", "/orders/b") == 0
