"""What was made of an Application's parts before: whoever asks after every save makes anew only
what a save changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

# By kind and the id of the source: the source, what else it was made of, and the result.
_Results = dict[tuple[str, int], tuple[object, object, Any]]


class Memory:
    """Results by the very object that they were made of, each as long as whatever else it was made
    of is equal.

    `forget` keeps what was asked for since the last time, and lets all else go.
    """

    def __init__(self) -> None:
        self._before: _Results = {}
        self._now: _Results = {}

    def recall(
        self, kind: str, source: object, beside: object, make: Callable[[], T]
    ) -> T:
        """The result of `make`, which depends on `source` and `beside` alone; from the last time
        where it can be."""
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
