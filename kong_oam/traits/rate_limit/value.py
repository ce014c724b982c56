"""How many requests a caller may make before a component, in windows of time. It decides
nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from kong_oam.traits.key import Key

# From the shortest to the longest.
WINDOWS = ("second", "minute", "hour", "day", "month", "year")

Per = Literal["client", "user", "address", "component"]
Policy = Literal["local", "redis"]


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A limit: whose requests are counted together, how many there may be by window, and where that
    is counted."""

    per: Per
    requests: Mapping[str, int]
    policy: Policy = "local"


RATE_LIMIT: Key[RateLimit] = Key("rate-limit", "edge.rateLimit")
