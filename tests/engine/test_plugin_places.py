"""A service has one plugin of a kind: what asks for it changes, and somebody else may have made it. By the engine, on the stand-ins."""

from __future__ import annotations

import httpx
import pytest

from tests.support.engine.deployment import Deployment

pytestmark = pytest.mark.engine

ORDERS = "applications/orders.yaml"
RULES = "        - type: access                        # ours: its access template\n"
BY_NAME = "        - {type: kong-plugin, properties: {name: rate-limiting, config: {hour: 1000}}}\n"
TRAIT = "        - {type: rate-limit, properties: {per: client, requests: {hour: 1000}}}\n"


@pytest.mark.deep
def test_a_plugin_by_name_becomes_that_of_a_trait_and_back(deployed: Deployment) -> None:
    """In its place at the gateway: another one of its kind could only come once it had gone."""
    deployed.edit(ORDERS, RULES, BY_NAME + RULES)
    assert deployed.changes("up") == {"orders/api-8080-plugin-rate-limiting": "create"}
    deployed.edit(ORDERS, BY_NAME, TRAIT)
    made = deployed.changes("up")
    assert (made["orders/api-8080-rate-limit"], made["orders/api-8080-rate-limit-ring"]) == ("update", "create")
    assert deployed.changes("up") == {}
    deployed.edit(ORDERS, TRAIT, BY_NAME)
    back = deployed.changes("up")
    assert (back["orders/api-8080-plugin-rate-limiting"], back["orders/api-8080-rate-limit-ring"]) == (
        "update",
        "delete",
    )
    assert deployed.changes("up") == {}


def test_a_plugin_of_somebody_elses_in_its_place_stops_a_run(deployed: Deployment) -> None:
    """Before anything is made: Kong would refuse the second one half-way."""
    local = deployed.local
    headers = {"Kong-Admin-Token": local.env["KONG_ADMIN_TOKEN"]}
    url = f"{local.kong.admin_url}/services/kong-oam.local.orders.api.8080/plugins"
    theirs = httpx.post(
        url, json={"name": "rate-limiting", "config": {"hour": 9}}, headers=headers, trust_env=False
    ).raise_for_status()
    deployed.edit(ORDERS, RULES, TRAIT + RULES)
    refused = deployed.run("up", check=False)
    said = refused.stdout + refused.stderr
    assert "ENV405: Kong has plugin 'rate-limiting' of service 'kong-oam.local.orders.api.8080'" in said
    assert theirs.json()["id"] in said and "have it removed by whoever made it" in said
