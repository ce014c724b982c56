"""Cached results for parts of Applications, so that a repeated command recomputes only changed
parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

# By kind and id of the source: the source, the other inputs, and the result.
_Results = dict[tuple[str, int], tuple[object, object, Any]]


class Memory:
    """Results by source object, each valid while the other inputs are equal.

    `forget` drops all results that were not used since the last call.
    """

    def __init__(self) -> None:
        self._before: _Results = {}
        self._now: _Results = {}

    def recall(
        self, kind: str, source: object, beside: object, make: Callable[[], T]
    ) -> T:
        """Return the result of `make`, cached if possible. It may depend only on `source` and
        `beside`."""
        key = (kind, id(source))
        known = self._now.get(key) or self._before.get(key)
        if known is None or known[0] is not source or known[1] != beside:
            known = (source, beside, make())
        self._now[key] = known
        result: T = known[2]
        return result

    def forget(self) -> None:
        self._before = self._now
        self._now = {}
