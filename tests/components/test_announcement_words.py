"""The line with which a run starts, by what is deployed."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from components.announcement import announce_limits, announce_waived, announcement
from kong_oam.access.diff.snapshot import dump_model
from tests.support.diffs import API, BEFORE, SHOP, edited, model, settings
from tests.support.enforced_state import state
from tests.support.estates import api, estate

DEPLOYED = state(BEFORE.estate)
OPENED = model(
    edited(API, ("methods: [GET], public", "methods: [GET, POST], public")), SHOP
)
LINE = "POST https://orders.example.com/orders/health"


def test_what_opens_is_a_warning_and_what_closes_is_not() -> None:
    """One line either way."""
    assert announcement(OPENED, dump_model(BEFORE), DEPLOYED) == (
        pulumi.log.warn,
        f"access: newly public: {LINE}",
    )
    said = announcement(BEFORE, dump_model(OPENED), state(OPENED.estate))
    assert said == (pulumi.log.info, f"access: revoked from everybody: {LINE}")


@pytest.mark.parametrize(
    ("gateway", "log", "line"),
    [
        ({"scheme": "http"}, pulumi.log.warn, "may widen for everybody: gateway.scheme: https -> http (and 2 more changes of access)"),
        ({"edition": "enterprise"}, pulumi.log.warn, "may widen for everybody: gateway.edition: oss -> enterprise"),
        ({"hstsSeconds": 600}, pulumi.log.info, "changed for everybody: gateway.hstsSeconds: 31536000 -> 600"),
    ],
)  # fmt: skip
def test_a_setting_that_may_let_somebody_in_is_a_warning(
    gateway: dict[str, object], log: object, line: str
) -> None:
    """Any other is said, too."""
    on = settings(
        gateway={"cidrs": ["192.0.2.0/24"], "reach": "loadBalancer", **gateway}
    )
    assert announcement(model(API, SHOP, on=on), dump_model(BEFORE), DEPLOYED) == (
        log,
        f"access: {line}",
    )


def test_a_setting_that_only_refuses_is_no_warning() -> None:
    """Tokens that live shorter, say."""
    on = settings(providers=[{"name": "okta", "type": "okta", "accessTokenMinutes": 5}])
    line = "access: may narrow for clients of okta: identityProviders.okta.accessTokenMinutes: 60 -> 5"
    assert announcement(model(API, SHOP, on=on), dump_model(BEFORE), DEPLOYED) == (
        pulumi.log.info,
        line,
    )


def test_nothing_is_said_where_nothing_changes() -> None:
    """A run that changes images, say."""
    assert announcement(BEFORE, dump_model(BEFORE), DEPLOYED) is None


def test_a_first_deployment_is_compared_with_nothing() -> None:
    """All that it opens is new."""
    said = announcement(BEFORE, None, ())
    assert said is not None and said[1].startswith("access: newly public: ")


@pytest.mark.parametrize("deployed", ["2\n", 7, "nonsense", "1\nstack []"])
def test_a_model_that_cannot_be_read_stops_nobody(deployed: object) -> None:
    """It is said, and decides nothing."""
    said = announcement(BEFORE, deployed, DEPLOYED)
    assert said is not None and said[0] is pulumi.log.warn
    assert said[1].startswith(
        "access: cannot be compared with what is deployed: its model is "
    )


@pytest.mark.parametrize(("away", "log"), [("closed", "info"), ("open", "warn")])
def test_a_preview_says_what_a_redis_that_is_away_does(
    monkeypatch: pytest.MonkeyPatch, away: Any, log: str
) -> None:
    """As a warning where nothing is limited then; a run that deploys it says nothing."""
    trait = "        - {type: rate-limit, properties: {per: client, requests: {minute: 1}, policy: redis}}\n"
    redis = {"host": "redis", "away": away}
    on = settings(
        gateway={"cidrs": ["192.0.2.0/24"], "reach": "loadBalancer", "redis": redis}
    )
    counted = model(
        edited(API, ("        - type: access\n", f"{trait}        - type: access\n")),
        SHOP,
        on=on,
    )
    said: list[str] = []
    monkeypatch.setattr(f"pulumi.log.{log}", said.append)
    for is_preview in (False, True):
        monkeypatch.setattr(
            "pulumi.runtime.is_dry_run", lambda is_preview=is_preview: is_preview
        )
        announce_limits(counted.estate, on.gateway.redis)
    (line,) = said
    assert line.startswith(
        "gateway: limits of orders/api are counted in Redis at redis:6379; while that is away, "
    )


def test_what_stands_by_a_waiver_is_a_warning_in_every_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Though nothing changes; what needs no waiver is not told of."""
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    asked = "        - {type: kong-plugin, properties: {name: %s, waiver: {reason: moved, until: 2999-12-31}}}\n"
    announce_waived(estate(api() + asked % "redirect" + asked % "acl"))
    assert said == [
        "access: app1.yaml:12: redirect before orders/api answers every call before the gate; accepted until 2999-12-31: moved"
    ]
