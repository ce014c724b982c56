"""`separate` by example."""

from __future__ import annotations

from dataclasses import replace

from kong_oam.access.providers import Provider
from tests.support.estates import PROVIDER, STACK, api
from tests.support.judged_invariants import calls, judged, shop_estate

PAYMENTS = api(
    "payments",
    domain="payments.example.com",
    http="{/: 80}",
    access="""
            owner: team-pay
            scopes: {pay: Pay}
            rules: [{scopes: [pay]}]
            roles:
              approver: {scopes: [pay], groups: [GROUP], components: [MEMBER]}
""",
)


def payments(group: str, member: str = "") -> str:
    return PAYMENTS.replace("GROUP", group).replace("MEMBER", member)


SEPARATE = "separate roles: [orders/api editor, payments/api approver]"


def test_no_group_holds_both_roles() -> None:
    """Users in two groups are unknown here."""
    assert calls(shop_estate(payments("audit")), SEPARATE) == []
    assert calls(shop_estate(payments("desk")), SEPARATE) == [
        "group for desk holds orders/api editor and payments/api approver"
    ]


def test_no_client_holds_both_roles() -> None:
    assert calls(shop_estate(payments("audit", "shop/web")), SEPARATE) == [
        "shop/web holds orders/api editor and payments/api approver"
    ]


def test_two_names_of_one_group_are_one_group() -> None:
    """The provider has one group for both names."""
    provider: Provider = replace(
        PROVIDER, groups={"desk": "d1", "approvers": "d1"}
    )
    stack = replace(STACK, providers={"main": provider})
    assert calls(shop_estate(payments("approvers"), stack=stack), SEPARATE) == [
        "group for approvers and desk holds orders/api editor and payments/api approver"
    ]


def test_an_exception_names_the_holder() -> None:
    """It ends after its last day, and an exception for another holder is idle."""
    estate = shop_estate(payments("desk"))
    permitted = 'except: [{who: [group desk], reason: r, until: "2027-01-01"}]'
    assert calls(estate, f"{SEPARATE}, {permitted}") == []
    expired = permitted.replace("2027", "2026")
    assert len(calls(estate, f"{SEPARATE}, {expired}")) == 1
    idle = permitted.replace("desk", "sales")
    assert judged(estate, f"{SEPARATE}, {idle}").unused == ((0, 0),)


def test_two_of_three_roles_are_too_many() -> None:
    roles = "[payments/api approver, orders/api viewer, orders/api editor]"
    assert calls(shop_estate(payments("none")), f"separate roles: {roles}") == [
        "shop/web holds orders/api viewer and orders/api editor"
    ]
