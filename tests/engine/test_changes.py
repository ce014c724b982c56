"""Changes of a running estate: an edited rule, a change made by hand, a rotated key, and its end."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from sandbox.local import STACK
from sandbox.okta.service import Answered
from tests.support.engine.calls import call, part, service_token, user_token
from tests.support.engine.deployment import Deployment, Empty, events
from tests.support.engine.inventory import entities
from tests.support.faults.tiny import TINY

pytestmark = pytest.mark.engine

RULED = {"orders/api-8080-admission": "update", "orders/api-8080-gate": "update"}
"""Both have the table: admission closes first, the gate opens last."""


def test_an_edited_rule_changes_what_decides_and_nothing_else(deployed: Deployment) -> None:
    """PATCH joins the write rule of orders: admission and the gate would be updated, then are, and then the PATCH is let
    through."""
    local = deployed.local
    order_desk, sales = (user_token(local, "web", f"user-{group}") for group in ("order-desk", "sales"))
    assert call(local, "PATCH", "orders.example.com", "/orders/7", order_desk).status == 403
    deployed.edit("applications/orders.yaml", "[POST, PUT, DELETE]", "[POST, PUT, PATCH, DELETE]")
    assert deployed.changes("preview") == RULED
    shown = deployed.pulumi("preview", "-s", STACK, "--diff").stdout
    assert (
        "+  '/orders': {'DELETE':[['orders.write']],'GET':[['orders.read']],'HEAD':[['orders.read']],'PATCH':" in shown
    )
    assert "+ POST,PUT,PATCH,DELETE orders.example.com/orders  orders/api: orders.write: shop/web for" in shown
    assert (
        call(local, "PATCH", "orders.example.com", "/orders/7", order_desk).status == 403
    )  # a preview changes nothing
    assert deployed.changes("up") == RULED
    assert call(local, "PATCH", "orders.example.com", "/orders/7", order_desk).status == 200
    assert call(local, "PATCH", "orders.example.com", "/orders/7", sales).status == 403
    assert call(local, "PATCH", "orders.example.com", "/orders/7").status == 401


@pytest.mark.deep
def test_an_application_more_or_less_changes_nothing_of_another_at_okta(deployed: Deployment) -> None:
    """Whether its name comes first or last, on a stack whose policies are numbered in the order of names, as they were
    once: as many requests for each, none about anything of the others, and nothing is left to do."""
    before = _numbered_by_name(deployed)
    written = _written(deployed)
    for name in ("aaa", "zzz"):
        text = TINY.replace("{name: tiny}", f"{{name: {name}, namespace: {name}}}").replace("tiny", name)
        text = text.replace("things.read", f"{name}.read")
        (deployed.folder / f"applications/{name}.yaml").write_text(text)
    changes = deployed.changes("up")
    assert {change for name, change in changes.items() if name.startswith("okta-")} == {"create"}
    assert _about("aaa", changes) == _about("zzz", changes)
    assert sorted(name for name in changes if name.startswith("okta-app-")) == ["okta-app-aaa/job", "okta-app-zzz/job"]
    # A scope, an app (with its mode of issuer), a policy and a rule for each.
    assert [method for method, _ in written] == ["POST"] * 10
    assert _policies(deployed)[1:-1] == before
    last = _policies(deployed)[-1]
    _move(deployed, last, 1)  # which moves all others
    assert _found_by_refresh(deployed) == []

    del written[:]
    for name in ("aaa", "zzz"):
        (deployed.folder / f"applications/{name}.yaml").unlink()
    changes = deployed.changes("up", "--refresh")
    assert {change for name, change in changes.items() if name.startswith("okta-")} == {"delete"}
    assert _about("aaa", changes) == _about("zzz", changes)
    # The same, of which an app is deactivated before.
    assert sorted(method for method, _ in written) == ["DELETE"] * 8 + ["POST"] * 2
    assert _policies(deployed) == before


def _about(application: str, changes: dict[str, str]) -> list[str]:
    return sorted(name.replace(application, "*") for name in changes if application in name)


def _written(deployment: Deployment) -> list[tuple[str, str]]:
    """Requests that change something at Okta, from now on: method and path."""
    found: list[tuple[str, str]] = []

    def note(method: str, path: str, proceed: Callable[[], Answered]) -> Answered:
        if method != "GET":
            found.append((method, path))
        return proceed()

    deployment.local.okta.faults = note
    return found


def _numbered_by_name(deployment: Deployment) -> list[dict[str, Any]]:
    """Has Okta and the state as when the program numbered policies from 1 by their names; gives Okta's policies."""
    ours = _policies(deployment)
    for number, policy in enumerate(ours, start=1):
        _move(deployment, policy, number)
    numbers = {policy["id"]: number for number, policy in enumerate(ours, start=1)}

    def numbered(held: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for resource in held:
            if resource["type"] == "okta:auth/serverPolicy:ServerPolicy":
                resource["inputs"]["priority"] = resource["outputs"]["priority"] = numbers[resource["id"]]
                del resource["ignoreChanges"]
        return held

    deployment.rewrite(numbered)
    found = _policies(deployment)
    assert [policy["priority"] for policy in found] == [1, 2, 3, 4]
    return found


def _move(deployment: Deployment, policy: dict[str, Any], place: int) -> None:
    (server,) = (one["id"] for one in deployment.local.okta.objects("authorizationServers"))
    httpx.put(
        f"{deployment.local.okta.url}/api/v1/authorizationServers/{server}/policies/{policy['id']}",
        headers={"Authorization": f"SSWS {deployment.local.env['OKTA_API_TOKEN']}"},
        json={**policy, "priority": place},
    ).raise_for_status()


def _found_by_refresh(deployment: Deployment) -> list[str]:
    """What a refresh shows as changed at Okta."""
    ended = (
        event["resOutputsEvent"]
        for event in events(deployment.run("refresh", "--json").stdout)
        if "resOutputsEvent" in event
    )
    steps = (event["metadata"] for event in ended)
    return [step["urn"] for step in steps if step["type"].startswith("okta:") and step["op"] != "same"]


def _policies(deployment: Deployment) -> list[dict[str, Any]]:
    """Okta's, by name."""
    return sorted(deployment.local.okta.objects("policies"), key=lambda policy: str(policy["name"]))


@pytest.mark.deep
def test_an_anonymous_set_by_hand_is_seen_and_repaired(deployed: Deployment) -> None:
    """`jwt` takes everybody for the issuer: the gate still refuses, a refresh sees it, an up takes it back."""
    local = deployed.local
    nobody = _jwt_of_orders(deployed)["config"]["anonymous"]
    assert nobody == "kong-oam.local.anonymous"
    anonymous = _opened_by_hand(deployed)
    assert call(local, "GET", "orders.example.com", "/orders").status == 401
    assert call(local, "GET", "orders.example.com", "/orders", "a.b.c").status == 401
    assert call(local, "GET", "orders.example.com", "/orders", service_token(local, "renderer")).status == 403
    assert call(local, "POST", "orders.example.com", "/orders", service_token(local, "checkout")).status == 403
    assert deployed.changes("preview", "--refresh") == {"orders/api-8080-jwt": "update"}
    assert deployed.changes("up", "--refresh") == {"orders/api-8080-jwt": "update"}
    assert _jwt_of_orders(deployed)["config"]["anonymous"] == nobody

    assert _opened_by_hand(deployed) == anonymous
    deployed.run("refresh")  # changes the state, not Kong
    assert _jwt_of_orders(deployed)["config"]["anonymous"] == anonymous
    assert deployed.changes("up") == {"orders/api-8080-jwt": "update"}
    assert _jwt_of_orders(deployed)["config"]["anonymous"] == nobody


def _jwt_of_orders(deployment: Deployment) -> dict[str, Any]:
    (service,) = (
        one["id"]
        for one in deployment.local.kong.entities("services")
        if one["name"] == "kong-oam.local.orders.api.8080"
    )
    (plugin,) = (
        one
        for one in deployment.local.kong.entities("plugins")
        if one["name"] == "jwt" and (one["service"] or {}).get("id") == service
    )
    return plugin


def _opened_by_hand(deployment: Deployment) -> str:
    """Somebody gives the plugin another `anonymous` through the Admin API: the consumer that holds the issuer's keys."""
    anonymous = "kong-oam.local.ring.okta"
    local = deployment.local
    httpx.patch(
        f"{local.kong.admin_url}/plugins/{_jwt_of_orders(deployment)['id']}",
        headers={"Kong-Admin-Token": local.env["KONG_ADMIN_TOKEN"]},
        json={"config": {"anonymous": anonymous}},
    ).raise_for_status()
    return anonymous


def test_a_rotated_key_takes_a_slot_of_its_own(deployed: Deployment) -> None:
    """Okta signs with its next key: tokens of both are good at once, and the key after that takes a slot."""
    local = deployed.local
    (server,) = (one["id"] for one in local.okta.objects("authorizationServers"))
    before = service_token(local, "checkout")
    local.okta.rotate(server)
    after = service_token(local, "checkout")
    first = _slots(deployed)
    assert set(first[:2]) == {part(before, 0)["kid"], part(after, 0)["kid"]} and first[2:] == [None, None]
    assert call(local, "GET", "orders.example.com", "/orders", after).status == 200
    changes = deployed.changes("up", "--refresh")
    # The empty slot holds the issuer's current key under an unused name, so it follows it.
    assert changes == {f"gateway-ring-okta-slot-{index}": "update" for index in (2, 3)}
    slots = _slots(deployed)
    assert slots[:2] == first[:2] and slots[2] is not None and slots[3] is None
    assert call(local, "GET", "orders.example.com", "/orders", before).status == 200
    assert call(local, "GET", "orders.example.com", "/orders", after).status == 200
    assert deployed.changes("up") == {}
    assert deployed.changes("up", "--refresh") == {}
    assert _slots(deployed) == slots


def _slots(deployment: Deployment) -> list[str | None]:
    return [slot["key"]["kid"] if slot["key"] else None for slot in deployment.output("keySlots")["okta"]]


def test_destroy_takes_away_what_the_stack_made_and_nothing_else(empty: Empty) -> None:
    """Kong, Okta and the cluster are left with what was there before: another's service, another's server."""
    deployment = empty()
    local = deployment.local
    httpx.post(
        f"{local.kong.admin_url}/services",
        headers={"Kong-Admin-Token": local.env["KONG_ADMIN_TOKEN"]},
        json={"name": "another", "host": "another.example.com"},
    ).raise_for_status()
    httpx.post(
        f"{local.okta.url}/api/v1/authorizationServers",
        headers={"Authorization": f"SSWS {local.env['OKTA_API_TOKEN']}"},
        json={"name": "another", "description": "", "audiences": ["api://another"]},
    ).raise_for_status()
    before = entities(local)
    groups = local.okta.objects("groups")
    deployment.run("up")
    made = {kind: len(ones) - len(before.get(kind, [])) for kind, ones in entities(local).items()}
    # 5 gated services with 3 plugins and a route each; nobody and one ring of 4 slots.
    assert {kind: made[kind] for kind in ("services", "plugins", "routes", "consumers", "jwt_secrets")} == {
        "services": 5,
        "plugins": 15,
        "routes": 5,
        "consumers": 2,
        "jwt_secrets": 4,
    }
    assert {kind: made[kind] for kind in ("authorizationServers", "apps", "policies", "rules", "claims")} == {
        "authorizationServers": 1,
        "apps": 4,
        "policies": 4,
        "rules": 4,
        "claims": 1,
    }
    deployment.run("destroy")
    assert entities(local) == before
    assert local.okta.objects("groups") == groups
    assert deployment.state() == []
