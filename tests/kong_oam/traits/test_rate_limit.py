"""The values of the trait `rate-limit`, and its findings."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest

from kong_oam.access.settings.assumed import assumed
from kong_oam.access.settings.redis import RedisSettings
from kong_oam.access.settings.values import StackError
from kong_oam.traits.rate_limit.at_kong import redis_away
from kong_oam.traits.rate_limit.value import RATE_LIMIT, RateLimit
from tests.support.diffs import API, SHOP, edited, model, settings
from tests.support.estates import STACK, api, compiled, estate

OUTSIDE = {"cidrs": ["192.0.2.0/24"], "reach": "loadBalancer"}


def limited(properties: str) -> str:
    return f"{api()}        - {{type: rate-limit, properties: {properties}}}\n"


def findings(properties: str, redis: bool | None = False) -> list[str]:
    found = compiled(
        limited(properties), stack=replace(STACK, redis=redis)
    ).diagnostics
    return [
        f"{finding.position}: {finding.code}: {finding.message}"
        for finding in found
    ]


def test_a_limit_says_whose_requests_how_many_and_where() -> None:
    """Counted by each node alone, where it does not say; None where there is no such trait."""
    made = estate(
        limited("{per: user, requests: {minute: 60, day: 1000}}")
    ).components["orders/api"]
    assert made.traits[RATE_LIMIT] == RateLimit(
        "user", {"minute": 60, "day": 1000}, "local"
    )
    assert estate(api()).components["orders/api"].traits.get(RATE_LIMIT) is None


@pytest.mark.parametrize(
    ("requests", "message"),
    [
        (
            "requests: {hour: 5, minute: 10}",
            "app1.yaml:12:73: ACC235: 5 per hour are fewer than 10 per minute; raise the first",
        ),
        (
            "requests: {day: 5, second: 6, hour: 7}",
            "ACC235: 5 per day are fewer than 7 per hour; raise the first",
        ),
        (
            "requests: {}",
            "ACC235: a limit needs a window; add one of second, minute, hour",
        ),
        (
            "policy: local",
            "ACC235: a limit needs a window; add one of second, minute, hour",
        ),
    ],
)
def test_windows_that_contradict_are_located(
    requests: str, message: str
) -> None:
    """The finding is at the longer window, which would end before the shorter window fills."""
    (found,) = findings(f"{{per: client, {requests}}}")
    assert message in found


def test_a_limit_in_redis_needs_one() -> None:
    """The stack needs a Redis. Without a stack there is no finding."""
    properties = "{per: client, requests: {minute: 1}, policy: redis}"
    (found,) = findings(properties)
    assert "ACC236: the stack has no gateway.redis for the counts" in found
    assert findings(properties, redis=True) == []
    assert assumed("none", datetime.date(2026, 1, 31)).stack.redis is None
    assert findings(properties, redis=None) == []


def test_a_stack_says_its_redis() -> None:
    """By TLS, and closed while it is away, unless it says otherwise."""
    assert settings(
        gateway={**OUTSIDE, "redis": {"host": "redis"}}
    ).gateway.redis == RedisSettings("redis")
    redis = {
        "host": "r",
        "port": 1,
        "serverName": "n",
        "tls": False,
        "away": "open",
        "password": "{vault://env/redis}",
    }
    made = settings(gateway={**OUTSIDE, "redis": redis})
    assert made.gateway.redis == RedisSettings(
        "r",
        1,
        tls=False,
        server_name="n",
        away="open",
        password="{vault://env/redis}",
    )
    assert made.stack.redis
    assert not settings().stack.redis


def test_a_password_of_redis_is_refused_and_not_shown() -> None:
    """Previews show the stack's settings, and Kong shows them to its readers."""
    with pytest.raises(
        StackError,
        match=r"gateway\.redis\.password is not a reference to Kong's vault",
    ) as raised:
        settings(
            gateway={**OUTSIDE, "redis": {"host": "r", "password": "sesame"}}
        )
    assert "sesame" not in str(raised.value)


def test_a_preview_says_what_becomes_of_calls_while_redis_is_away() -> None:
    """Only where something is counted there."""
    trait = "        - {type: rate-limit, properties: {per: client, requests: {minute: 1}, policy: redis}}\n"
    on = settings(gateway={**OUTSIDE, "redis": {"host": "redis"}})
    limits = model(
        edited(
            API,
            ("        - type: access\n", f"{trait}        - type: access\n"),
        ),
        SHOP,
        on=on,
    ).estate
    assert redis_away(limits, RedisSettings("redis")) == (
        "gateway: Redis at redis:6379 counts limits of orders/api; while it is down, their calls are denied "
        "(500) (gateway.redis.away: closed)"
    )
    assert "NOTHING limits their calls (gateway.redis.away: open)" in str(
        redis_away(limits, RedisSettings("redis", away="open"))
    )
    assert redis_away(model(API, SHOP).estate, RedisSettings("redis")) is None
