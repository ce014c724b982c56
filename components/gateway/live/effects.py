"""What plugins of other kinds do to a call that our plugins judge."""

from __future__ import annotations

from enum import Enum, auto

from components.gateway.live.entities import Entity


class Effect(Enum):
    """NONE: it may refuse a call or look at it, no more. CLOSES: it answers every call itself. UNKNOWN: anything."""

    NONE = auto()
    CLOSES = auto()
    UNKNOWN = auto()


_NO_EFFECT = frozenset(
    {
        *("acl", "bot-detection", "ip-restriction", "request-size-limiting", "request-validator"),
        *("rate-limiting", "rate-limiting-advanced", "response-ratelimiting"),
        *("correlation-id", "response-transformer", "prometheus", "zipkin", "opentelemetry", "datadog", "statsd"),
        *("file-log", "http-log", "loggly", "syslog", "tcp-log", "udp-log"),
        "cors",  # answers preflight requests itself, with nothing of the workload's
    }
)


def effect_of(plugin: Entity) -> Effect:
    """By kind. What answers from a cache or a function, authenticates, or rewrites a request is UNKNOWN, as is any
    plugin that is not listed here, and one of our own kinds in a place that is not ours."""
    if plugin["name"] in _NO_EFFECT:
        return Effect.NONE
    if plugin["name"] in ("request-termination", "redirect"):
        # With a trigger it answers only to callers that ask for it.
        return Effect.NONE if plugin["config"].get("trigger") else Effect.CLOSES
    return Effect.UNKNOWN
