"""Manual changes: a refresh finds each, and the next `up` reverts it, unless the test says
otherwise."""

from __future__ import annotations

import pytest

from tests.support.engine.calls import service_token
from tests.support.faults.stacks import Empty, Stack, is_refused, job_status
from tests.support.faults.tiny import PROTECTED, PUBLIC, SERVICE, TINY
from tests.support.json_object import JsonObject

ORDERS = "kong-oam.local.orders.api.8080"


def _rule_of(stack: Stack, client: str) -> tuple[str, dict[str, object]]:
    """Return the path of a client's only rule, and the rule."""
    (server,) = (
        found["id"]
        for found in stack.local.okta.objects("authorizationServers")
    )
    policies = f"/authorizationServers/{server}/policies"
    (policy,) = (
        policy["id"]
        for policy in stack.okta("GET", policies)
        if policy["name"] == client
    )
    (rule,) = stack.okta("GET", f"{policies}/{policy}/rules")
    return f"{policies}/{policy}/rules/{rule['id']}", rule


def test_changes_by_hand_are_taken_back(empty: Empty) -> None:
    """A rule with more scopes, an additional group of an app, disabled or deleted plugins: only
    these are repaired."""
    stack = empty()
    stack.run("up")
    path, rule = _rule_of(stack, "shop/checkout")
    rule["conditions"]["scopes"]["include"].append("orders.write")  # type: ignore[index]
    stack.okta("PUT", path, rule)
    group = stack.okta("POST", "/groups", {"profile": {"name": "others"}})["id"]
    stack.okta(
        "PUT",
        f"/apps/{stack.app('shop/web')['id']}/groups/{group}",
        {"priority": 9},
    )
    stack.kong(
        "PATCH",
        f"/plugins/{stack.plugin('jwt', ORDERS)['id']}",
        {"enabled": False},
    )
    stack.kong(
        "DELETE",
        f"/plugins/{stack.plugin('post-function', 'kong-oam.local.hello.hello-world.8000')['id']}",
    )
    assert stack.changes("up") == {}, "without a refresh nobody looks"
    # With `jwt` disabled no caller is allowed: the gate behind it finds no verified token.
    token = service_token(stack.local, "checkout")
    assert [
        stack.status("GET", "orders.example.com", "/orders", credential)
        for credential in (None, token)
    ] == [
        401,
        401,
    ]
    changes = stack.changes("up", "--refresh")
    assert changes == {
        "okta-rule-shop/checkout": "update",
        "okta-groups-shop/web": "update",
        "orders/api-8080-jwt": "update",
        "hello/hello-world-8000-gate": "create",
    }
    assert rule_scopes(stack) == ["orders.read"]
    stack.assert_unchanged("up", "--refresh")
    assert [
        stack.status("GET", "orders.example.com", "/orders", credential)
        for credential in (None, token)
    ] == [
        401,
        200,
    ]


@pytest.mark.deep
def test_the_path_of_a_service_is_taken_back_and_one_without_goes_over(
    empty: Empty,
) -> None:
    """Kong keeps a path that a program does not name. An earlier stack without a path gets it with
    a plain update."""
    stack = empty(applications=[TINY])
    stack.run("up")
    path = f"/services/{stack.entity('services', SERVICE)['id']}"
    stack.kong("PATCH", path, {"path": "/orders"})
    assert stack.changes("up", "--refresh") == {
        "tiny/api-8080-service": "update"
    }
    assert stack.kong("GET", path)["path"] == "/"
    stack.kong("PATCH", path, {"path": None})
    assert stack.changes("up", "--refresh") == {}, "none is as good"
    stack.rewrite(_without_paths)
    assert "~ 1 to update" in stack.pulumi("preview").stdout
    assert stack.changes("up") == {"tiny/api-8080-service": "update"}
    assert stack.kong("GET", path)["path"] == "/"
    stack.assert_unchanged("up", "--refresh")


def _without_paths(resources: list[JsonObject]) -> list[JsonObject]:
    for resource in resources:
        if resource["type"] == "kong:index/service:Service":
            del resource["inputs"]["path"], resource["outputs"]["path"]
    return resources


def rule_scopes(stack: Stack) -> object:
    """Return the scopes that checkout's rule may issue."""
    return _rule_of(stack, "shop/checkout")[1]["conditions"]["scopes"][
        "include"
    ]  # type: ignore[index]


@pytest.mark.deep
def test_a_route_by_hand_on_our_service_stays_and_opens_nothing(
    empty: Empty,
) -> None:
    """It is not ours, so no run deletes it; it leads through the same gate, whose table lacks its
    host and path."""
    stack = empty(applications=[TINY])
    stack.run("up")
    service = stack.entity("services", SERVICE)["id"]
    stack.kong(
        "POST",
        "/routes",
        {
            "name": "byhand",
            "paths": ["/"],
            "hosts": ["by.hand"],
            "service": {"id": service},
        },
    )
    token = service_token(stack.local, "job")
    assert [
        stack.status("GET", "by.hand", path, token)
        for path in (PROTECTED, PUBLIC, "/")
    ] == [
        404,
        404,
        404,
    ]
    assert stack.status("GET", "by.hand", PUBLIC) == 404
    stack.assert_unchanged("up", "--refresh")
    assert [
        entity["name"] for entity in stack.local.kong.entities("routes")
    ].count("byhand") == 1
    failed = stack.run("destroy", check=False)
    assert failed.returncode != 0 and "tiny/api-8080-service" in failed.stdout
    stack.kong("DELETE", "/routes/byhand")
    stack.run("destroy")
    assert stack.local.kong.entities("services") == []


@pytest.mark.deep
def test_an_app_that_was_deleted_by_hand_stops_refreshes_until_the_state_forgets_it(
    empty: Empty,
) -> None:
    """The official plugin fails on it, and so does its stand-in. `up --replace` stops at the
    deletion of the old app, as its client id belongs to one app at a time. Once the state
    forgets the app, `up` creates a new app."""
    stack = empty(applications=[TINY])
    stack.run("up")
    app = stack.app("tiny/job")["id"]
    stack.okta("POST", f"/apps/{app}/lifecycle/deactivate")
    stack.okta("DELETE", f"/apps/{app}")
    assert is_refused(lambda: service_token(stack.local, "job"))
    failed = stack.run("refresh", check=False)
    assert (
        failed.returncode != 0
        and "failed to get OAuth application" in failed.stdout
    )
    stopped = stack.run("up", "--replace", "**::okta-app-tiny/job", check=False)
    assert stopped.returncode != 0 and "okta-app-tiny/job" in stopped.stdout
    stack.rewrite(
        lambda held: [
            {**resource, "pendingReplacement": True}
            if resource["urn"].endswith("::okta-app-tiny/job")
            else resource
            for resource in held
        ]
    )
    stack.run("up")
    stack.assert_unchanged("up", "--refresh")
    assert job_status(stack) == 200
