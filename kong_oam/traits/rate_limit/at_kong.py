"""Rate limits, counted by Kong's own plugin, once it is verified who calls.

The plugin stands twice on a service: for callers whose token the component's issuer signed, who are
counted by a header of admission's (`budget.lua`), and for everybody else, who are counted by
address. So a forged token, one of another issuer, or none at all is never counted as a client's,
whatever it says.

    budget      client | user | component: whose budget a call counts against, for the script
                `budget`; nothing is decided by it
"""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.data import JsonObject, Texts
from kong_oam.access.model import Component, Estate
from kong_oam.access.settings.redis import RedisSettings
from kong_oam.kong.at_kong import AtKong, ByAddress, Extra
from kong_oam.traits.rate_limit.value import RATE_LIMIT, WINDOWS, RateLimit

KIND = "rate-limiting"

# Whose budget a call counts against. Callers cannot send it, and workloads do not get
# it.
HEADER = "X-Auth-Budget"

# By what those are counted of whom nothing is verified.
_OTHERS: Texts = {
    "client": "ip",
    "user": "ip",
    "address": "ip",
    "component": "service",
}


def _plugins(limit: RateLimit, redis: RedisSettings | None) -> Iterator[Extra]:
    counted = _counted(limit, redis)
    yield Extra("rate-limit", KIND, {**counted, "limit_by": _OTHERS[limit.per]})
    if limit.per != "address":
        by_header = {**counted, "limit_by": "header", "header_name": HEADER}
        yield Extra("rate-limit-ring", KIND, by_header, "ring")


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
    """Return the entry that has admission say whose budget a call counts against, where it
    matters."""
    return {} if limit.per == "address" else {"budget": limit.per}


def _is_by_address(limit: RateLimit, component: Component) -> bool:
    """Whether calls that reach a workload are counted by address: without a token that counts only
    those of public rules do."""
    if limit.per == "component":
        return False
    return limit.per == "address" or component.public


def redis_away(estate: Estate, redis: RedisSettings) -> str | None:
    """Say what becomes of calls while Redis is away, in one line; None where nothing is counted
    there."""
    counted = []
    for component in estate.exposed:
        limit = component.traits.get(RATE_LIMIT)
        if limit and limit.policy == "redis":
            counted.append(component.key)
    if not counted:
        return None
    more = f" and {len(counted) - 1} more" if len(counted) > 1 else ""
    away = (
        "their calls are refused (500)"
        if redis.away == "closed"
        else "NOTHING limits their calls"
    )
    return (
        f"gateway: limits of {counted[0]}{more} are counted in Redis at "
        f"{redis.host}:{redis.port}; while that is away, {away} (gateway.redis.away: {redis.away})"
    )


AT_KONG = AtKong(
    RATE_LIMIT,
    plugins=_plugins,
    entries=_entries,
    scripts={"budget": {"access": ("budget",)}},
    roles={KIND: "rate-limit"},
    by_address=ByAddress(
        _is_by_address,
        use="rate-limit counts by",
        forged="a rate-limit by address limits nobody",
    ),
    redis_away=redis_away,
)
