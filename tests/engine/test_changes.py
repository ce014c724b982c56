"""Changes of a running estate: an edited rule, a change made by hand, a rotated key, and its end."""

import httpx

from sandbox.local import STACK
from tests.support.engine.calls import call, part, service_token, user_token
from tests.support.engine.deployment import Deployment, Empty
from tests.support.engine.inventory import entities

RULED = {
    "orders/api-8080-admission": "update",
    "orders/api-8080-gate": "update",
}
"""Both have the table: admission closes first, the gate opens last."""


def test_an_edited_rule_changes_only_deciding_resources(
    deployed: Deployment,
) -> None:
    """PATCH joins the write rule of orders: admission and the gate would be updated, then are, and then the PATCH is let
    through."""
    local = deployed.local
    order_desk, sales = (
        user_token(local, "web", f"user-{group}")
        for group in ("order-desk", "sales")
    )
    assert (
        call(
            local, "PATCH", "orders.example.com", "/orders/7", order_desk
        ).status
        == 403
    )
    deployed.edit(
        "applications/orders.yaml",
        "[POST, PUT, DELETE]",
        "[POST, PUT, PATCH, DELETE]",
    )
    assert deployed.changes("preview") == RULED
    shown = deployed.pulumi("preview", "-s", STACK, "--diff").stdout
    assert (
        "+  '/orders': {'DELETE':[['orders.write']],'GET':[['orders.read']],'HEAD':[['orders.read']],'PATCH':"
        in shown
    )
    assert (
        "+ POST,PUT,PATCH,DELETE orders.example.com/orders  orders/api: orders.write: shop/web for"
        in shown
    )
    assert (
        call(
            local, "PATCH", "orders.example.com", "/orders/7", order_desk
        ).status
        == 403
    )  # a preview changes nothing
    assert deployed.changes("up") == RULED
    assert (
        call(
            local, "PATCH", "orders.example.com", "/orders/7", order_desk
        ).status
        == 200
    )
    assert (
        call(local, "PATCH", "orders.example.com", "/orders/7", sales).status
        == 403
    )
    assert call(local, "PATCH", "orders.example.com", "/orders/7").status == 401


def test_a_rotated_key_takes_an_empty_slot(deployed: Deployment) -> None:
    """Okta signs with its next key: tokens of both are good at once, and the key after that takes a slot."""
    local = deployed.local
    (server,) = (
        server["id"] for server in local.okta.objects("authorizationServers")
    )
    before = service_token(local, "checkout")
    local.okta.rotate(server)
    after = service_token(local, "checkout")
    first = _slots(deployed)
    assert set(first[:2]) == {
        part(before, 0)["kid"],
        part(after, 0)["kid"],
    } and first[2:] == [
        None,
        None,
    ]
    assert (
        call(local, "GET", "orders.example.com", "/orders", after).status == 200
    )
    changes = deployed.changes("up", "--refresh")
    # The empty slot has the issuer's current key under an unused name, so it changes with the key.
    assert changes == {
        f"gateway-ring-okta-slot-{index}": "update" for index in (2, 3)
    }
    slots = _slots(deployed)
    assert slots[:2] == first[:2] and slots[2] is not None and slots[3] is None
    assert (
        call(local, "GET", "orders.example.com", "/orders", before).status
        == 200
    )
    assert (
        call(local, "GET", "orders.example.com", "/orders", after).status == 200
    )
    deployed.assert_unchanged()
    deployed.assert_unchanged("up", "--refresh")
    assert _slots(deployed) == slots


def _slots(deployment: Deployment) -> list[str | None]:
    return [
        slot["key"]["kid"] if slot["key"] else None
        for slot in deployment.output("keySlots")["okta"]
    ]


def test_destroy_deletes_only_the_stacks_own_objects(
    empty: Empty,
) -> None:
    """Kong, Okta and the cluster keep earlier objects: another's service, another's server."""
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
        json={
            "name": "another",
            "description": "",
            "audiences": ["api://another"],
        },
    ).raise_for_status()
    before = entities(local)
    groups = local.okta.objects("groups")
    deployment.run("up")
    made = {
        kind: len(item) - len(before.get(kind, []))
        for kind, item in entities(local).items()
    }
    # 6 gated services with 3 plugins and a route each. A document about tools has a route, too. The
    # anonymous consumer has a key ring with 4 slots.
    assert {
        kind: made[kind]
        for kind in (
            "services",
            "plugins",
            "routes",
            "consumers",
            "jwt_secrets",
        )
    } == {
        "services": 6,
        "plugins": 18,
        "routes": 7,
        "consumers": 2,
        "jwt_secrets": 4,
    }
    assert {
        kind: made[kind]
        for kind in (
            "authorizationServers",
            "apps",
            "policies",
            "rules",
            "claims",
        )
    } == {
        "authorizationServers": 1,
        "apps": 5,
        "policies": 5,
        "rules": 5,
        "claims": 1,
    }
    deployment.run("destroy")
    assert entities(local) == before
    assert local.okta.objects("groups") == groups
    assert deployment.state() == []
