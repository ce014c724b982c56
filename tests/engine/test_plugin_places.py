"""A service has one plugin of a kind, and its trait changes. By the engine, on the stand-ins."""

from __future__ import annotations

import pytest

from tests.support.engine.deployment import Deployment

ORDERS = "applications/orders.yaml"
RULES = "        - type: access                        # our trait: the access template\n"
BY_NAME = "        - {type: kong-plugin, properties: {name: rate-limiting, config: {hour: 1000}}}\n"
TRAIT = "        - {type: rate-limit, properties: {per: client, requests: {hour: 1000}}}\n"


@pytest.mark.deep
def test_a_plugin_by_name_becomes_that_of_a_trait_and_back(
    deployed: Deployment,
) -> None:
    """The plugin changes in place at the gateway: another plugin of its kind could be created only
    after its deletion."""
    deployed.edit(ORDERS, RULES, BY_NAME + RULES)
    assert deployed.changes("up") == {
        "orders/api-8080-plugin-rate-limiting": "create"
    }
    deployed.edit(ORDERS, BY_NAME, TRAIT)
    made = deployed.changes("up")
    assert (
        made["orders/api-8080-rate-limit"],
        made["orders/api-8080-rate-limit-ring"],
    ) == (
        "update",
        "create",
    )
    deployed.assert_unchanged()
    deployed.edit(ORDERS, TRAIT, BY_NAME)
    back = deployed.changes("up")
    assert (
        back["orders/api-8080-plugin-rate-limiting"],
        back["orders/api-8080-rate-limit-ring"],
    ) == (
        "update",
        "delete",
    )
    deployed.assert_unchanged()
