"""Rows and columns of one estate: conditions of several groups, reasons, and endpoints without
callers."""

from __future__ import annotations

from kong_oam.access.callers import Callers, logical_groups, logical_names
from kong_oam.access.matrix.matrix import matrix
from kong_oam.access.matrix.rows import rows
from kong_oam.access.matrix.table import where
from kong_oam.access.model import Estate
from kong_oam.access.principals import EVERYBODY, Principal
from tests.support.diffs import API, SHOP, edited
from tests.support.estates import estate

WEB, CHECKOUT = (
    Principal("shop/web", "main", users=True),
    Principal("shop/checkout", "main"),
)


def callers(model: Estate) -> Callers:
    return Callers(model, logical_names(logical_groups(model)))


def test_a_public_row_has_the_reasons_of_its_own_rules() -> None:
    """Each reason is listed once, and reasons for other methods of the same paths are not."""
    more = (
        "paths: [/orders/health], methods: [GET], public: {reason: probes}}\n"
        "              - {paths: [/orders/health], methods: [POST], public: {reason: reports of probes}}\n"
        "              - {paths: [/orders/health/now], methods: [GET], public: {reason: probes}}"
    )
    changed = estate(
        edited(
            API,
            (
                "paths: [/orders/health], methods: [GET], public: {reason: probes}}",
                more,
            ),
        ),
        SHOP,
    )
    found = rows(changed, callers(changed))
    reasons = {
        (row.methods, where(row)): [public.reason for public in row.public]
        for row in found
        if row.component == "orders/api" and row.access == EVERYBODY
    }
    assert reasons == {
        (("GET", "HEAD"), "/orders/health"): ["probes"],
        (("POST",), "/orders/health but not /orders/health/now"): [
            "reports of probes"
        ],
    }


def test_a_principal_that_may_call_nothing_has_a_column() -> None:
    """The whole matrix has all principals. A component's part has only principals that may call
    something there."""
    idle = SHOP.replace(
        "calls: [{component: orders/api, scopes: [read]}]", "calls: []"
    )
    changed = estate(
        edited(
            API,
            ("components: [shop/checkout, shop/web]", "components: [shop/web]"),
        ),
        idle,
    )
    assert matrix(changed, callers(changed)).principals == (None, CHECKOUT, WEB)
    assert matrix(
        changed, callers(changed), components={"orders/api"}
    ).principals == (
        None,
        WEB,
    )
