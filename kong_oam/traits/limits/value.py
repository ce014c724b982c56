"""The value of a trait `limits`: the largest request body, timeouts and retries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from kong_oam.access.data import Names, Texts, YamlObject
from kong_oam.traits.key import Key

# The idempotent methods that rules can list. Source: RFC 9110, 9.2.2.
IDEMPOTENT = ("GET", "HEAD", "PUT", "DELETE", "OPTIONS")


class LimitsYaml(TypedDict, total=False):
    """The properties of a trait `limits`, with units: `body: 10Mi`, `timeouts: {read: 500ms}`.

    `timeouts`: connect, read and write. `retries`: the fields of Retries.
    """

    body: str
    timeouts: Texts
    retries: YamlObject


@dataclass(frozen=True, slots=True)
class Retries:
    """Retries after the first attempt: their `count`, and the `methods` that have any."""

    count: int
    methods: Names = IDEMPOTENT


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of requests. `body` in bytes; `connect`, `read`, `write` in milliseconds. None: the
    default."""

    body: int | None = None
    connect: int | None = None
    read: int | None = None
    write: int | None = None
    retries: Retries | None = None


LIMITS: Key[Limits] = Key("limits", "edge.limits")
