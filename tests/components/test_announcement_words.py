"""The first line of a run, for each deployed state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pulumi
import pytest

from components.announcement import (
    announce_audiences,
    announce_redis,
    announce_waived,
    announcement,
)
from kong_oam.access.diff.snapshot import dump_model
from tests.support.diffs import edited, model, settings
from tests.support.enforced_state import state
from tests.support.estates import PROVIDER, STACK, estate
from tests.support.mcp_estates import desk, desk_estate

ORDERS = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: orders}
      traits:
        - type: gateway
          properties: {domain: orders.example.com, http: {/orders: 8080}}
        - type: access
          properties:
            owner: team-orders
            rules: [{paths: [/orders/health], methods: [GET], public: {reason: probes}}]
"""
BEFORE = model(ORDERS)
DEPLOYED = state(BEFORE.estate)
OPENED = model(edited(ORDERS, ("methods: [GET]", "methods: [GET, POST]")))


def test_what_opens_is_a_warning() -> None:
    """With the headline of the changes."""
    assert announcement(OPENED, dump_model(BEFORE), DEPLOYED) == (
        pulumi.log.warn,
        "access: newly public: POST https://orders.example.com/orders/health",
    )


def test_what_closes_is_no_warning() -> None:
    """With the headline of the changes."""
    assert announcement(BEFORE, dump_model(OPENED), state(OPENED.estate)) == (
        pulumi.log.info,
        "access: revoked from everybody: POST https://orders.example.com/orders/health",
    )


@pytest.mark.parametrize(
    ("gateway", "minutes", "log", "line"),
    [
        ({"edition": "enterprise"}, 60, pulumi.log.warn, "may widen for everybody: gateway.edition: oss -> enterprise"),
        ({"hstsSeconds": 600}, 60, pulumi.log.info, "changed for everybody: gateway.hstsSeconds: 31536000 -> 600"),
        ({}, 5, pulumi.log.info, "may narrow for clients of okta: identityProviders.okta.accessTokenMinutes: 60 -> 5"),
    ],
    ids=["may let somebody in", "decides nothing", "only refuses"],
)  # fmt: skip
def test_a_setting_that_may_let_somebody_in_is_a_warning(
    gateway: dict[str, object], minutes: int, log: object, line: str
) -> None:
    """Any other is a line, too."""
    on = settings(
        gateway={"cidrs": ["192.0.2.0/24"], "reach": "loadBalancer", **gateway},
        providers=[
            {"name": "okta", "type": "okta", "accessTokenMinutes": minutes}
        ],
    )
    after = model(ORDERS, on=on)
    line = f"access: {line}"
    assert announcement(after, dump_model(BEFORE), DEPLOYED) == (log, line)


def test_a_run_that_changes_no_access_says_nothing() -> None:
    """A run that changes images, say."""
    image = model(edited(ORDERS, ("image: orders", "image: orders:2")))
    assert announcement(image, dump_model(BEFORE), DEPLOYED) is None


def test_a_first_deployment_is_compared_with_nothing() -> None:
    """All that it opens is new."""
    assert announcement(BEFORE, None, ()) == (
        pulumi.log.warn,
        "access: newly public: GET,HEAD https://orders.example.com/orders/health",
    )


@pytest.mark.parametrize("deployed", ["2\n", 7, "nonsense", "1\nstack []"])
def test_a_model_that_cannot_be_read_stops_nobody(deployed: object) -> None:
    """A warning says so, and the run goes on."""
    log, line = announcement(BEFORE, deployed, DEPLOYED)
    assert log is pulumi.log.warn
    assert line.startswith(
        "access: cannot compare with the deployed access model: "
    )


@pytest.mark.parametrize(
    ("away", "log"), [("closed", "info"), ("open", "warn")]
)
def test_a_preview_says_what_a_redis_that_is_away_does(
    monkeypatch: pytest.MonkeyPatch, away: Any, log: str
) -> None:
    """As a warning where nothing is limited then; a run that deploys it says nothing."""
    limited = (
        ORDERS
        + "        - {type: rate-limit, properties: {per: client, requests: {minute: 1}, policy: redis}}\n"
    )
    redis = {"host": "redis", "away": away}
    on = settings(
        gateway={
            "cidrs": ["192.0.2.0/24"],
            "reach": "loadBalancer",
            "redis": redis,
        }
    )
    counted = model(limited, on=on)
    lines: list[str] = []
    monkeypatch.setattr(f"pulumi.log.{log}", lines.append)
    for is_preview in (False, True):
        monkeypatch.setattr(
            "pulumi.runtime.is_dry_run",
            lambda is_preview=is_preview: is_preview,
        )
        announce_redis(counted.estate, on.gateway.redis)
    (line,) = lines
    assert line.startswith(
        "gateway: Redis at redis:6379 counts limits of orders/api; while it is down, "
    )


def test_a_preview_says_that_tokens_of_an_mcp_server_are_for_the_stack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Unless the provider has an API for each component."""
    lines: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", lines.append)
    for is_preview in (False, True):
        monkeypatch.setattr(
            "pulumi.runtime.is_dry_run",
            lambda is_preview=is_preview: is_preview,
        )
        announce_audiences(desk_estate())
    assert lines == [
        "access: tokens for the MCP server desk/mcp have the stack's audience api://tests; "
        "its gate counts only scopes of grants there"
    ]
    provider = replace(PROVIDER, per_api=True)
    stack = replace(STACK, providers={"main": provider})
    announce_audiences(estate(desk(), stack=stack))
    announce_audiences(model(ORDERS).estate)
    assert len(lines) == 1


def test_a_plugin_with_a_waiver_is_a_warning_in_every_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Though nothing changes; a plugin that needs no waiver is left out."""
    lines: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lines.append)
    waived = (
        ORDERS
        + "        - {type: kong-plugin, properties: {name: redirect, waiver: {reason: moved, until: 2999-12-31}}}\n"
        + "        - {type: kong-plugin, properties: {name: acl, waiver: {reason: moved, until: 2999-12-31}}}\n"
    )
    announce_waived(model(waived).estate)
    assert lines == [
        "access: app0.yaml:17: redirect before orders/api answers every call before the gate; accepted until 2999-12-31: moved"
    ]
