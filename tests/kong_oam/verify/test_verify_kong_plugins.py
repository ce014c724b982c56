"""Changes by hand of an Application's plugins in the sandbox's Kong (a stand-in), and the findings
of `verify`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kong_oam.oam.position import NO_POSITION
from kong_oam.traits.kong_plugin.value import (
    KONG_PLUGIN,
    KongPlugin,
    PluginWaiver,
)
from tests.support.estates import with_traits
from tests.support.verified_gateway import (
    Deployment,
    Hands,
    Running,
    sample,
)

HELLO = "kong-oam.local.hello.hello-world.8000"
ORDERS = "kong-oam.local.orders.api.8080"
WAIVER = PluginWaiver("moved", "2999-12-31")


PLUGINS = (
    KongPlugin("correlation-id", {"header_name": "X-Cid"}, None, NO_POSITION),
    KongPlugin("bot-detection", {"deny": ["bad"]}, None, NO_POSITION),
    KongPlugin(
        "request-termination", {"status_code": 410}, WAIVER, NO_POSITION
    ),
)
"""Plugins before orders/api: one observes, another denies, and the third answers in the gate's
place."""


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    settings, estate = sample()
    with Running(
        Deployment.of(
            settings, with_traits(estate, "orders/api", {KONG_PLUGIN: PLUGINS})
        )
    ) as verified:
        yield verified


def test_what_is_asked_for_is_no_finding(running: Running) -> None:
    """Not even what answers by a waiver: what it does to calls is judged by nobody."""
    made = {plugin["name"] for plugin in running.kong.entities("plugins")}
    assert made >= {"correlation-id", "bot-detection", "request-termination"}
    assert running.lines() == []


def test_what_is_changed_or_gone_is_named(running: Running) -> None:
    """Whatever it is: the Application says it."""
    with Hands(running.kong.admin_url) as hands:
        hands.change(
            "plugins",
            hands.find("plugins", name="correlation-id", service=ORDERS),
            config={"header_name": "X-A"},
        )
        hands.remove(
            "plugins",
            hands.find("plugins", name="bot-detection", service=ORDERS),
        )
        assert sorted(running.lines()) == [
            f"weakened: plugin bot-detection of service '{ORDERS}' is missing",
            f'weakened: plugin correlation-id of service \'{ORDERS}\': header_name is "X-A", not "X-Cid"',
        ]
    assert running.lines() == []


def test_a_waiver_is_for_its_component_alone(running: Running) -> None:
    """The same kind of plugin before another component is foreign."""
    with Hands(running.kong.admin_url) as hands:
        service = hands.find("services", name=HELLO)
        hands.make(
            f"/services/{service['id']}/plugins",
            name="request-termination",
            config={"status_code": 410},
        )
        first, *_ = running.lines()
        assert (
            first
            == f"closed: plugin request-termination of service '{HELLO}' is not ours"
        )
    assert running.lines() == []
