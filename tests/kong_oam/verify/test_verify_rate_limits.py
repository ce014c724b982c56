"""Changes by hand of limits in the sandbox's Kong (a stand-in), and the findings of `verify`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kong_oam.access.model import Estate
from kong_oam.traits.rate_limit.value import RATE_LIMIT, RateLimit
from tests.support.estates import with_traits
from tests.support.json_object import JsonObject
from tests.support.verified_gateway import (
    Deployment,
    Hands,
    Running,
    sample,
)

ORDERS = "kong-oam.local.orders.api.8080"
RING = "kong-oam.local.ring.okta"
LIMIT = f"plugin rate-limiting of service '{ORDERS}'"


def limited(estate: Estate) -> Estate:
    """The estate with a limit on orders/api."""
    return with_traits(
        estate, "orders/api", {RATE_LIMIT: RateLimit("client", {"minute": 100})}
    )


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    settings, estate = sample()
    with Running(Deployment.of(settings, limited(estate))) as verified:
        yield verified


def limits(running: Running) -> list[JsonObject]:
    """Return the plugin for callers without a token, then the plugin for callers with a token."""
    found = (
        plugin
        for plugin in running.kong.entities("plugins")
        if plugin["name"] == "rate-limiting"
    )
    return sorted(found, key=lambda plugin: bool(plugin["consumer"]))


def test_limits_that_are_meant_are_no_finding(running: Running) -> None:
    """Both plugins are intended: for callers with a token, and for all others."""
    assert [bool(plugin["consumer"]) for plugin in limits(running)] == [
        False,
        True,
    ]
    assert running.lines() == []


def test_a_limit_that_is_raised_or_gone_is_told_of(running: Running) -> None:
    """The finding covers callers with a token and all others."""
    with Hands(running.kong.admin_url) as hands:
        others, callers = limits(running)
        hands.change("plugins", callers, config={"minute": 100000})
        hands.remove("plugins", others)
        assert running.lines() == [
            f"weakened: {LIMIT} is missing",
            f"weakened: {LIMIT} and consumer '{RING}': minute is 100000, not 100",
        ]
    assert running.lines() == []


def test_a_script_that_says_whose_budget_it_is_is_ours_alone(
    running: Running,
) -> None:
    """Without it, everybody is counted by address."""
    with Hands(running.kong.admin_url) as hands:
        admission = hands.find("plugins", name="pre-function", service=ORDERS)
        (script,) = admission["config"]["access"]
        assert "CODE.budget()\n" in script
        hands.change(
            "plugins",
            admission,
            config={"access": [script.replace("CODE.budget()\n", "")]},
        )
        findings = running.lines()
        assert (
            findings[0]
            == f"opened: plugin pre-function of service '{ORDERS}': its script differs from the intended script"
        )
    assert running.lines() == []
