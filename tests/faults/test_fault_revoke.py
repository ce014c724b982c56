"""Revoking access in a hurry: the changes, and the delays until the issuer and the gate deny."""

from __future__ import annotations

import time

import pytest

from tests.support.engine.calls import part, service_token, user_token
from tests.support.faults.stacks import Empty, is_refused, job_status
from tests.support.faults.tiny import HOST, PROTECTED, TINY

ORDERS = ("GET", "orders.example.com", "/orders")


def test_a_client_that_calls_nothing_any_more_is_issued_no_token(
    empty: Empty,
) -> None:
    """One edit of the caller's file removes its policy and rule at Okta, its pods' scopes, and its
    entry in the API's gate.

    A token from before is denied from then on.
    """
    stack = empty()
    stack.run("up")
    old = service_token(stack.local, "checkout")
    assert part(old, 1)["exp"] - part(old, 1)["iat"] == 3600
    stack.edit(
        "applications/shop.yaml",
        "\n            calls: [{component: orders/api, scopes: [orders.read]}]",
        "",
    )
    begun = time.monotonic()
    changes = stack.changes("up")
    print(f"a client revoked by an edit: {time.monotonic() - begun:.1f} s")
    assert changes == {
        "okta-policy-shop/checkout": "delete",
        "okta-rule-shop/checkout": "delete",
        "shop/checkout-client": "update",
        "shop/checkout-deployment": "update",
        "orders/api-8080-admission": "update",
        "orders/api-8080-gate": "update",
    }
    assert is_refused(lambda: service_token(stack.local, "checkout"))
    assert stack.status(*ORDERS, old) == 403
    assert (
        stack.status(*ORDERS, user_token(stack.local, "web", "user-sales"))
        == 200
    )


def test_the_callee_alone_cannot_take_a_grant_away_in_silence(
    empty: Empty,
) -> None:
    """The client is out of the role, but its `calls` still name the API: the run stops and shows
    both places."""
    stack = empty(applications=[TINY])
    stack.run("up")
    stack.edit(
        "applications/app0.yaml", "components: [tiny/job]", "components: []"
    )
    stopped = stack.run("up", check=False)
    assert stopped.returncode != 0
    assert "applications/app0.yaml:26:78: error ACC204" in stopped.stdout
    assert (
        "no role of 'tiny/api' grants 'things.read' to 'tiny/job'"
        in stopped.stdout
    )


@pytest.mark.deep
def test_a_group_that_leaves_a_role_is_shut_out_with_the_next_up(
    empty: Empty,
) -> None:
    """The gate narrows by role: users of the group get 403 with their present tokens, at once."""
    stack = empty()
    stack.run("up")
    sales, desk = (
        user_token(stack.local, "web", f"user-{group}")
        for group in ("sales", "order-desk")
    )
    assert [stack.status(*ORDERS, token) for token in (sales, desk)] == [
        200,
        200,
    ]
    stack.edit(
        "applications/orders.yaml",
        "viewer: {scopes: [orders.read], groups: [sales], ",
        "viewer: {scopes: [orders.read], ",
    )
    begun = time.monotonic()
    changes = stack.changes("up")
    print(f"a group revoked by an edit: {time.monotonic() - begun:.1f} s")
    assert changes == {
        "orders/api-8080-admission": "update",
        "orders/api-8080-gate": "update",
        "okta-rule-shop/web": "update",
        "okta-groups-shop/web": "update",
    }
    assert [stack.status(*ORDERS, token) for token in (sales, desk)] == [
        403,
        200,
    ]
    assert is_refused(lambda: user_token(stack.local, "web", "user-sales"))


def test_an_app_that_is_deactivated_at_okta_stays_so_until_a_refresh(
    empty: Empty,
) -> None:
    """One request without an edit: the issuer gives no token. `up` leaves it, `up --refresh`
    reverts it."""
    stack = empty(applications=[TINY])
    stack.run("up")
    old = service_token(stack.local, "job")
    stack.okta(
        "POST", f"/apps/{stack.app('tiny/job')['id']}/lifecycle/deactivate"
    )
    assert is_refused(lambda: service_token(stack.local, "job"))
    assert stack.status("GET", HOST, PROTECTED, old) == 200
    stack.assert_unchanged()
    assert is_refused(lambda: service_token(stack.local, "job"))
    assert stack.changes("up", "--refresh") == {"okta-app-tiny/job": "update"}
    assert job_status(stack) == 200


def test_routes_of_one_component_are_taken_away_in_one_command(
    empty: Empty,
) -> None:
    """Without an edit, also for earlier tokens: no caller reaches the component until the next
    `up`."""
    stack = empty(applications=[TINY])
    stack.run("up")
    old = service_token(stack.local, "job")
    begun = time.monotonic()
    stack.run(
        "destroy", "--target", "**::tiny/api-protected-*", "--target-dependents"
    )
    print(
        f"a component closed by one command: {time.monotonic() - begun:.1f} s"
    )
    assert [
        stack.status("GET", HOST, path, old)
        for path in (PROTECTED, "/things/health")
    ] == [
        404,
        404,
    ]
    assert set(stack.changes("up").values()) == {"create"}
    assert stack.status("GET", HOST, PROTECTED, old) == 200
