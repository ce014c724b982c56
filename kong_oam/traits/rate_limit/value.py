"""The value of a trait `rate-limit`. It does not affect decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypedDict

from kong_oam.traits.key import Key

# From the shortest to the longest.
WINDOWS = ("second", "minute", "hour", "day", "month", "year")

Per = Literal["client", "user", "address", "component"]
Policy = Literal["local", "redis"]


class RateLimitYaml(TypedDict, total=False):
    """The properties of a trait `rate-limit`. `requests`: by window."""

    per: Per
    requests: Mapping[str, int]
    policy: Policy


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A limit: `per` owner of the budget, `requests` by window, `policy`: where requests are
    counted."""

    per: Per
    requests: Mapping[str, int] = field(default_factory=dict)
    policy: Policy = "local"


RATE_LIMIT: Key[RateLimit] = Key("rate-limit", "edge.rateLimit")
