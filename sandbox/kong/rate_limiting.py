"""rate-limiting: counts requests in windows of time, in memory or in a Redis.

Source: recorded-behaviour.jsonl and answers of a Kong 3.10. Not modelled: the policy cluster, a
`sync_rate`, TLS to Redis (which counts as away), and that Kong counts in memory only once it has
answered.
"""

from __future__ import annotations

import datetime
import socket
from collections.abc import Mapping
from typing import Any, Literal, TypedDict

from kong_rules.entities import Entity
from sandbox.kong.errors import error_response
from sandbox.kong.exchange import Exchange
from sandbox.kong.http import Header, Response

_Window = Literal["second", "minute", "hour", "day", "month", "year"]
_SECONDS: Mapping[_Window, int] = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86_400,
    "month": 2_592_000,
    "year": 31_536_000,
}
_NONE = "00000000-0000-0000-0000-000000000000"
_COUNT = """
local n = redis.call("incr", KEYS[1])
if n == 1 then redis.call("expire", KEYS[1], ARGV[1]) end
return n - 1
"""


class _Redis(TypedDict):
    """Where a Redis is. `timeout` is in milliseconds."""

    host: str
    port: int
    timeout: int
    username: str | None
    password: str | None
    database: int
    ssl: bool


class _Config(TypedDict):
    """The configuration of the plugin: limits by window, whose requests count, and where."""

    second: float | None
    minute: float | None
    hour: float | None
    day: float | None
    month: float | None
    year: float | None
    limit_by: str
    header_name: str
    path: str | None
    policy: str
    redis: _Redis
    fault_tolerant: bool
    hide_client_headers: bool
    error_code: int
    error_message: str


class RedisUnavailableError(RuntimeError):
    """Redis did not answer, or not as one."""


class RateLimiting:
    """The plugin on one node. Counters outlive a change of plugins; their key is service and route,
    not plugin."""

    priority = 910

    def __init__(self) -> None:
        self._counters: dict[str, int] = {}

    def access(self, exchange: Exchange, plugin: Entity) -> Response | None:
        """429 where a window is full. Raises RedisUnavailableError if Redis is away and the plugin
        is not fault tolerant."""
        config: _Config = plugin["config"]
        limits = {
            window: limit
            for window in _SECONDS
            if (limit := config[window]) is not None
        }
        keys = {window: _key(exchange, plugin, window) for window in limits}
        try:
            used = {
                window: self._used(config, keys[window], window)
                for window in limits
            }
        except RedisUnavailableError:
            if config["fault_tolerant"]:
                return None
            raise
        full = next(
            (
                window
                for window in reversed(limits)
                if used[window] >= limits[window]
            ),
            None,
        )
        headers = (
            []
            if config["hide_client_headers"]
            else _headers(exchange, limits, used, full)
        )
        for name, value in headers:
            exchange.set_response_header(name, value)
        if full:
            accept = exchange.request.header("accept")
            shown = exchange.response_headers
            return error_response(
                config["error_code"],
                config["error_message"],
                accept,
                exchange.request_id,
                shown,
            )
        if config["policy"] == "local":
            for key in keys.values():
                self._counters[key] = self._counters.get(key, 0) + 1
        return None

    def header_filter(self, exchange: Exchange, plugin: Entity) -> None:
        """Do nothing: the headers are already known."""

    def log(self, exchange: Exchange, plugin: Entity) -> None:
        """Nothing."""

    def _used(self, config: _Config, key: str, window: _Window) -> int:
        """Return the requests in a window. In Redis this request counts from now on, even if it is
        denied."""
        if config["policy"] == "local":
            return self._counters.get(key, 0)
        return _counted_in_redis(config["redis"], key, _SECONDS[window])


def _key(exchange: Exchange, plugin: Entity, window: _Window) -> str:
    route, service = (
        ((plugin[scope] or {}).get("id") or _NONE)
        for scope in ("route", "service")
    )
    begun = int(_beginning(exchange.now, window) * 1000)
    return f"ratelimit:{route}:{service}:{_identifier(exchange, plugin['config'])}:{begun}:{window}"


def _identifier(exchange: Exchange, config: _Config) -> str:
    assert exchange.match is not None
    identifier: Any = None
    match config["limit_by"]:
        case "service":
            service = exchange.match.service
            identifier = service["id"] if service else None
        case "consumer":
            identifier = (exchange.consumer or exchange.credential or {}).get(
                "id"
            )
        case "credential":
            identifier = (exchange.credential or {}).get("id")
        case "header":
            identifier = next(
                iter(exchange.values(config["header_name"])), None
            )
        case "path":
            identifier = (
                exchange.path if exchange.path == config["path"] else None
            )
    return str(identifier or exchange.address)


def _beginning(now: float, window: _Window) -> float:
    """When the window began that `now` is in: by the calendar, in UTC."""
    if window in ("second", "minute", "hour", "day"):
        return now - now % _SECONDS[window]
    day = datetime.datetime.fromtimestamp(now, datetime.UTC)
    month = day.month if window == "month" else 1
    return datetime.datetime(
        day.year, month, 1, tzinfo=datetime.UTC
    ).timestamp()


def _headers(
    exchange: Exchange,
    limits: Mapping[_Window, float],
    used: Mapping[_Window, int],
    full: _Window | None,
) -> list[Header]:
    left = {
        window: max(
            0,
            limits[window]
            - used[window]
            - (1 if full in (None, window) else 0),
        )
        for window in limits
    }
    nearest = min(limits, key=lambda window: (left[window], -_SECONDS[window]))
    reset = max(
        1,
        _SECONDS[nearest]
        - int(int(exchange.now) - _beginning(int(exchange.now), nearest)),
    )
    headers = [
        *(
            (
                f"X-RateLimit-Limit-{window.capitalize()}",
                _number(limits[window]),
            )
            for window in limits
        ),
        *(
            (
                f"X-RateLimit-Remaining-{window.capitalize()}",
                _number(left[window]),
            )
            for window in limits
        ),
        ("RateLimit-Limit", _number(limits[nearest])),
        ("RateLimit-Remaining", _number(left[nearest])),
        ("RateLimit-Reset", str(reset)),
    ]
    return [*headers, ("Retry-After", str(reset))] if full else headers


def _number(value: float) -> str:
    return f"{value:g}" if value != int(value) else str(int(value))


def _counted_in_redis(redis: _Redis, key: str, seconds: int) -> int:
    if redis["ssl"]:
        raise RedisUnavailableError("TLS to Redis is not modelled")
    commands: list[list[str]] = []
    if redis["password"]:
        user = [redis["username"]] if redis["username"] else []
        commands.append(["AUTH", *user, redis["password"]])
    if redis["database"]:
        commands.append(["SELECT", str(redis["database"])])
    commands.append(["EVAL", _COUNT, "1", key, str(seconds)])
    try:
        address = (redis["host"], redis["port"])
        seconds_to_wait = redis["timeout"] / 1000
        with (
            socket.create_connection(address, seconds_to_wait) as connection,
            connection.makefile("rb") as answers,
        ):
            for command in commands:
                parts = [part.encode() for part in command]
                wire = b"".join(
                    b"$%d\r\n%b\r\n" % (len(part), part) for part in parts
                )
                connection.sendall(b"*%d\r\n%b" % (len(parts), wire))
                answer = answers.readline()
                if answer[:1] not in (b"+", b":"):
                    raise RedisUnavailableError(f"Redis answers {answer!r}")
    except OSError as error:
        raise RedisUnavailableError(f"Redis is away: {error}") from error
    return int(answer[1:])
