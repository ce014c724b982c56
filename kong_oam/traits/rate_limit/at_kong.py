"""Rate limits, counted by Kong's own plugin after authentication.

A service has the plugin twice. The first counts callers with a token of the component's issuer, by
a header that admission sets (`budget.lua`). The second counts all others by address. A call with a
forged token, another issuer's token or no token therefore never counts against a client.

    budget      client | user | component: the owner of the budget, for the script `budget`; it does
                not affect decisions
"""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.data import JsonObject, Texts
from kong_oam.access.model import Component, Estate
from kong_oam.access.settings.redis import RedisSettings
from kong_oam.kong.at_kong import AddressUse, AtKong, TraitPlugin
from kong_oam.traits.rate_limit.value import RATE_LIMIT, WINDOWS, RateLimit

KIND = "rate-limiting"

# The header with the owner of the budget. Callers cannot send it, and workloads do not get it.
HEADER = "X-Auth-Budget"

# How to count callers without a verified token.
_OTHERS: Texts = {
    "client": "ip",
    "user": "ip",
    "address": "ip",
    "component": "service",
}


def _plugins(
    limit: RateLimit, redis: RedisSettings | None
) -> Iterator[TraitPlugin]:
    counted = _counted(limit, redis)
    yield TraitPlugin(
        "rate-limit", KIND, {**counted, "limit_by": _OTHERS[limit.per]}
    )
    if limit.per != "address":
        by_header = {**counted, "limit_by": "header", "header_name": HEADER}
        yield TraitPlugin("rate-limit-ring", KIND, by_header, "ring")


def _counted(limit: RateLimit, redis: RedisSettings | None) -> JsonObject:
    windows = {
        window: limit.requests[window]
        for window in WINDOWS
        if window in limit.requests
    }
    if limit.policy == "local":
        return {**windows, "policy": "local", "fault_tolerant": False}
    assert redis is not None  # ACC236
    reached = {
        "host": redis.host,
        "port": redis.port,
        "database": redis.database,
        "username": redis.username,
        "password": redis.password,
        "ssl": redis.tls,
        "ssl_verify": redis.tls,
        "server_name": redis.server_name or (redis.host if redis.tls else None),
    }
    return {
        **windows,
        "policy": "redis",
        "fault_tolerant": redis.away == "open",
        "redis": reached,
    }


def _entries(limit: RateLimit, _: Component) -> JsonObject:
    """Return the table's entry for budgets. Limits by address need none."""
    return {} if limit.per == "address" else {"budget": limit.per}


def _is_by_address(limit: RateLimit, component: Component) -> bool:
    """Return whether calls that reach a workload are counted by address.

    Without a valid token, only calls of public rules reach it.
    """
    if limit.per == "component":
        return False
    return limit.per == "address" or component.public


def redis_away(estate: Estate, redis: RedisSettings) -> str | None:
    """Return a line about calls while Redis is down, or None if no limit uses Redis."""
    counted = []
    for component in estate.exposed:
        limit = component.traits.get(RATE_LIMIT)
        if limit and limit.policy == "redis":
            counted.append(component.key)
    if not counted:
        return None
    more = f" and {len(counted) - 1} more" if len(counted) > 1 else ""
    away = (
        "their calls are denied (500)"
        if redis.away == "closed"
        else "NOTHING limits their calls"
    )
    return (
        f"gateway: Redis at {redis.host}:{redis.port} counts limits of {counted[0]}{more}; while "
        f"it is down, {away} (gateway.redis.away: {redis.away})"
    )


AT_KONG = AtKong(
    RATE_LIMIT,
    plugins=_plugins,
    entries=_entries,
    scripts={"budget": {"access": ("budget",)}},
    roles={KIND: "rate-limit"},
    by_address=AddressUse(
        _is_by_address,
        use="rate-limit counts",
        forged="a rate-limit by address limits nobody",
    ),
    redis_away=redis_away,
)
