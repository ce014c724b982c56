"""Rate limits of a stand-in: a number of requests in a window of time, by path."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Rates:
    """Counts requests in windows of some seconds. `limits` are by regular expression of a whole
    path; the first match applies, and other paths have no limit."""

    limits: Mapping[str, int]
    window: float = 60.0
    now: Callable[[], float] = time.time
    _counts: Counter[tuple[str, int]] = field(default_factory=Counter)

    def left(self, path: str) -> tuple[int, int, float] | None:
        """Count a request. Return the limit, the remaining requests (below 0: one too many), and
        the epoch second at which the window ends; None without a limit."""
        pattern = next(
            (
                candidate
                for candidate in self.limits
                if re.fullmatch(candidate, path)
            ),
            None,
        )
        if pattern is None:
            return None
        number = int(self.now() // self.window)
        self._counts[pattern, number] += 1
        limit = self.limits[pattern]
        return (
            limit,
            limit - self._counts[pattern, number],
            (number + 1) * self.window,
        )
