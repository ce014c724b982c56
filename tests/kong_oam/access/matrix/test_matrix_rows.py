"""Rows and columns of one estate: conditions of several groups, reasons, and what is for nobody."""

from __future__ import annotations

from kong_oam.access.matrix.matrix import Selection, matrix, where
from kong_oam.access.matrix.rows import everyone, for_a_user_in, rows
from kong_oam.access.model import Estate
from kong_oam.access.principals import EVERYBODY, NOBODY, Callers, Principal, logical_groups, logical_names
from tests.support.diffs import API, SHOP, edited
from tests.support.estates import estate

WEB, CHECKOUT = Principal("shop/web", "main", users=True), Principal("shop/checkout", "main")


def callers(of: Estate) -> Callers:
    return Callers(of, logical_names(logical_groups(of)))


def test_a_user_needs_every_group_that_a_condition_names() -> None:
    """POST needs one scope of each role: neither group is enough."""
    both = estate(API, SHOP)

    def may(*groups: str) -> set[str]:
        found = rows(both, callers(both), for_a_user_in(frozenset(groups), {WEB, CHECKOUT}))
        return {method for row in found if row.access.principals for method in row.methods}

    assert may() == set()
    assert may("sales") == {"GET", "HEAD"}
    assert may("desk") == set()
    assert may("sales", "desk") == {"GET", "HEAD", "POST"}


def test_a_public_row_has_the_reasons_of_its_own_rules() -> None:
    """Each once, and none of other methods of the same paths."""
    more = (
        "paths: [/orders/health], methods: [GET], public: {reason: probes}}\n"
        "              - {paths: [/orders/health], methods: [POST], public: {reason: reports of probes}}\n"
        "              - {paths: [/orders/health/now], methods: [GET], public: {reason: probes}}"
    )
    made = estate(edited(API, ("paths: [/orders/health], methods: [GET], public: {reason: probes}}", more)), SHOP)
    found = rows(made, callers(made))
    reasons = {
        (row.methods, where(row)): [public.reason for public in row.public]
        for row in found
        if row.component == "orders/api" and row.access == EVERYBODY
    }
    assert reasons == {
        (("GET", "HEAD"), "/orders/health"): ["probes"],
        (("POST",), "/orders/health but not /orders/health/now"): ["reports of probes"],
    }


def test_what_a_rule_lists_for_nobody_is_a_row() -> None:
    """Whatever nobody lists is none."""
    nobody = (", components: [shop/checkout, shop/web]", ""), (", components: [shop/web]", "")
    alone = estate(edited(API, *nobody))
    found = [(row.methods, where(row)) for row in rows(alone, callers(alone), everyone) if row.access == NOBODY]
    assert found == [(("GET", "HEAD", "POST"), "/orders but not /orders/health")]


def test_a_principal_that_may_call_nothing_has_a_column() -> None:
    """Of the whole matrix; of a component's part only those have one who may call something there."""
    idle = SHOP.replace("calls: [{component: orders/api, scopes: [read]}]", "calls: []")
    made = estate(edited(API, ("components: [shop/checkout, shop/web]", "components: [shop/web]")), idle)
    assert matrix(made, callers(made), Selection()).principals == (None, CHECKOUT, WEB)
    assert matrix(made, callers(made), Selection(components={"orders/api"})).principals == (None, WEB)
