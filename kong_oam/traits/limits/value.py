"""How large a request may be, how long the gateway waits, and what it tries again, as a trait
`limits` has it."""

from __future__ import annotations

from dataclasses import dataclass

from kong_oam.access.data import Names
from kong_oam.traits.key import Key

# The methods that mean the same twice, of those that rules know.
#
# Source: RFC 9110, 9.2.2.
IDEMPOTENT = ("GET", "HEAD", "PUT", "DELETE", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Retries:
    """`count`: attempts after the first one. Requests of other `methods` have one attempt."""

    count: int
    methods: Names = IDEMPOTENT


@dataclass(frozen=True, slots=True)
class Limits:
    """`body` in bytes; `connect`, `read` and `write` in milliseconds. None: as the gateway has
    it."""

    body: int | None = None
    connect: int | None = None
    read: int | None = None
    write: int | None = None
    retries: Retries | None = None


LIMITS: Key[Limits] = Key("limits", "edge.limits")
