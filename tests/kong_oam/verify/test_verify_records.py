"""Plugins that keep records are as intended, or a finding. Sinks of the gateway do not affect
access."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from kong_oam.access.settings.logs import (
    HttpSink,
    LogSettings,
    OtlpSink,
    TcpSink,
)
from kong_oam.access.stack import Records
from tests.support.json_object import JsonObject
from tests.support.verified_gateway import (
    Deployment,
    Hands,
    Running,
    report_lines,
    sample,
)

HELLO = "kong-oam.local.hello.hello-world.8000"
ORDERS = "kong-oam.local.orders.api.8080"
RING = "kong-oam.local.ring.okta"
ROUTE = "kong-oam.local.orders.api.8080.protected-1"


@pytest.fixture(scope="module")
def recording() -> Deployment:
    """The sample estate on a stack that keeps records in a file, and sends them."""
    settings, estate = sample()
    stack = replace(estate.stack, records=Records(("page",)))
    otlp = OtlpSink(
        "https://logs.example.com/v1/logs", "https://logs.example.com/v1/traces"
    )
    logs = LogSettings(
        http=HttpSink("https://logs.example.com/"),
        file="/dev/stdout",
        otlp=otlp,
    )
    gateway = replace(settings.gateway, logs=logs)
    return Deployment.of(
        replace(settings, stack=stack, gateway=gateway),
        replace(estate, stack=stack),
    )


def test_a_gateway_that_keeps_records_is_as_meant(
    recording: Deployment,
) -> None:
    assert {plugin["name"] for plugin in recording.meant.plugins} >= {
        "http-log",
        "file-log",
    }
    assert report_lines(recording.judged(recording.meant)) == []


def test_opentelemetry_that_is_gone_is_missed(recording: Deployment) -> None:
    """By its entity alone: the stand-in does not have it."""
    wanted = recording.meant
    plugins = tuple(
        plugin for plugin in wanted.plugins if plugin["name"] != "opentelemetry"
    )
    services = sorted(service["name"] for service in wanted.services)
    missing = [
        f"weakened: plugin opentelemetry of service '{service}' is missing"
        for service in services
    ]
    assert (
        sorted(report_lines(recording.judged(replace(wanted, plugins=plugins))))
        == missing
    )


KINDS = ("http-log", "tcp-log", "file-log", "prometheus")


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """The sample estate with sinks and metrics, in the sandbox's Kong (a stand-in)."""
    settings, estate = sample()
    stack = replace(estate.stack, records=Records())
    sinks = LogSettings(
        HttpSink("https://logs.example.com/"),
        TcpSink("logs.example.com", 5170),
        "/dev/stdout",
    )
    gateway = replace(settings.gateway, logs=sinks, metrics=True)
    with Running(
        Deployment.of(
            replace(settings, stack=stack, gateway=gateway),
            replace(estate, stack=stack),
        )
    ) as verified:
        yield verified


def test_every_sink_is_as_meant(running: Running) -> None:
    assert {plugin["name"] for plugin in running.kong.entities("plugins")} >= {
        *KINDS
    }
    assert running.lines() == []


@pytest.mark.parametrize(
    ("kind", "changes", "finding"),
    [
        ("http-log", None, " is missing"),
        ("tcp-log", {"enabled": False}, ": it is disabled"),
        ("file-log", {"service": None}, " is missing"),
        ("prometheus", None, " is missing"),
    ],
)
def test_a_sink_that_is_gone_or_off_is_missed(
    running: Running, kind: str, changes: JsonObject | None, finding: str
) -> None:
    """Calls continue without records."""
    with Hands(running.kong.admin_url) as hands:
        plugin = hands.find("plugins", name=kind, service=ORDERS)
        if changes is None:
            hands.remove("plugins", plugin)
        else:
            hands.change("plugins", plugin, **changes)
        found = running.judged()
        assert report_lines(found) == [
            f"weakened: plugin {kind} of service '{ORDERS}'{finding}"
        ]
        ((_, (reason,)),) = found.findings
        assert reason.remedy == "pulumi up -s local --refresh"


def test_a_gate_that_no_longer_cuts_queries_from_traces_is_told_of(
    running: Running,
) -> None:
    """It still decides as before."""
    with Hands(running.kong.admin_url) as hands:
        plugin = hands.find("plugins", name="post-function", service=ORDERS)
        hands.change("plugins", plugin, config={"header_filter": []})
        assert running.lines() == [
            f"weakened: plugin post-function of service '{ORDERS}': its script differs from the intended script"
        ]


@pytest.mark.parametrize("kind", ["file-log", "prometheus"])
def test_one_of_somebody_s_in_its_place_is_told_of(
    running: Running, kind: str
) -> None:
    """A foreign plugin on our route, or for our callers' consumer, replaces ours at Kong. A plugin
    that our calls do not meet is no finding. Neither is a global plugin, which is less specific."""
    with Hands(running.kong.admin_url) as hands:
        config = hands.find("plugins", name=kind, service=ORDERS)["config"]
        route, ring = (
            hands.find("routes", name=ROUTE),
            hands.find("consumers", username=RING),
        )
        hands.make("/plugins", name=kind, config=config)
        hello = next(
            route
            for route in hands.list("routes")
            if route["name"].startswith(HELLO)
        )
        hands.make(
            f"/routes/{hello['id']}/plugins",
            name=kind,
            config=config,
            enabled=False,
        )
        other = hands.make("/consumers", username="somebody")
        hands.make(
            "/plugins", name=kind, config=config, consumer={"id": other["id"]}
        )
        assert running.lines() == []
        hands.make(f"/routes/{route['id']}/plugins", name=kind, config=config)
        assert running.lines() == [
            f"weakened: plugin {kind} of route '{ROUTE}' is not ours"
        ]
        hands.make(
            "/plugins", name=kind, config=config, consumer={"id": ring["id"]}
        )
        assert (
            f"weakened: plugin {kind} of consumer '{RING}' is not ours"
            in running.lines()
        )
