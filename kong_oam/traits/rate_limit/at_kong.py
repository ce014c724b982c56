"""Rate limits, counted by Kong's own plugin, once it is verified who calls.

The plugin stands twice on a service: for callers whose token the component's issuer signed, who are
counted by a header of admission's (`budget.lua`), and for everybody else, who are counted by
address. So a forged token, one of another issuer, or none at all is never counted as a client's,
whatever it says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from kong_oam.access.model import Component, Estate
from kong_oam.access.settings.redis import RedisSettings
from kong_oam.traits.rate_limit.value import WINDOWS, RateLimit

KIND = "rate-limiting"

HEADER = "X-Auth-Budget"
"""Whose budget a call counts against. Callers cannot send it, and workloads do not get it."""

_OTHERS: Mapping[str, str] = {
    "client": "ip",
    "user": "ip",
    "address": "ip",
    "component": "service",
}
"""By what those are counted of whom nothing is verified."""

Caller = Literal["ring"] | None


def budget(component: Component) -> dict[str, str]:
    """The entry of a component's table that has admission say whose budget a call counts against,
    where it matters."""
    limit = component.edge.rate_limit
    return {"budget": limit.per} if limit and limit.per != "address" else {}


def limits(
    component: Component, redis: RedisSettings | None
) -> Iterator[tuple[str, Mapping[str, Any], Caller]]:
    """Yields role, configuration and caller of each plugin that limits calls before a component."""
    limit = component.edge.rate_limit
    if limit is None:
        return
    counted = _counted(limit, redis)
    yield "rate-limit", {**counted, "limit_by": _OTHERS[limit.per]}, None
    if limit.per != "address":
        yield (
            "rate-limit-ring",
            {**counted, "limit_by": "header", "header_name": HEADER},
            "ring",
        )


def _counted(limit: RateLimit, redis: RedisSettings | None) -> dict[str, Any]:
    windows = {
        window: limit.requests[window] for window in WINDOWS if window in limit.requests
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


def notice(estate: Estate, redis: RedisSettings) -> str | None:
    """What becomes of calls while Redis is away, in one line; None where nothing is counted
    there."""
    counted = [
        one
        for one in estate.exposed
        if one.edge.rate_limit and one.edge.rate_limit.policy == "redis"
    ]
    if not counted:
        return None
    more = f" and {len(counted) - 1} more" if len(counted) > 1 else ""
    away = (
        "their calls are refused (500)"
        if redis.away == "closed"
        else "NOTHING limits their calls"
    )
    return (
        f"gateway: limits of {counted[0].key}{more} are counted in Redis at "
        f"{redis.host}:{redis.port}; while that is away, {away} (gateway.redis.away: {redis.away})"
    )
