"""The Redis of a stack: where nodes of the gateway count limits together, and what happens while it
is away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kong_oam.access.data import YamlObject
from kong_oam.access.settings.fields import fields_of


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """A Redis as the gateway reaches it. `password` is a reference to one in a vault of Kong's,
    never one itself; `away`: whether calls before which something is counted there are refused
    while it does not answer, or let pass."""

    host: str
    port: int = 6379
    database: int = 0
    tls: bool = True
    server_name: str | None = None
    username: str | None = None
    password: str | None = None
    away: Literal["closed", "open"] = "closed"


def redis_settings(gateway: YamlObject) -> RedisSettings | None:
    """Reads `gateway.redis`, which its schema has checked; None where the stack has none."""
    redis = gateway.get("redis")
    return (
        None
        if redis is None
        else RedisSettings(**fields_of(RedisSettings, redis))
    )
