"""The Redis of a stack, in which the gateway's nodes count limits together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kong_oam.access.data import YamlObject
from kong_oam.access.settings.fields import fields_of


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """A Redis as the gateway reaches it. `password` is always a reference to a vault of Kong.

    `away`: `closed` denies the calls that need a count while Redis does not answer; `open` lets
    them pass.
    """

    host: str
    port: int = 6379
    database: int = 0
    tls: bool = True
    server_name: str | None = None
    username: str | None = None
    password: str | None = None
    away: Literal["closed", "open"] = "closed"


def redis_settings(redis: YamlObject | None) -> RedisSettings | None:
    """Return the checked `gateway.redis`; None if the stack has none."""
    return (
        None
        if redis is None
        else RedisSettings(**fields_of(RedisSettings, redis))
    )
