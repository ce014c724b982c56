"""Callers who ask without pause while entities change, and what they got."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from tests.gateway_cases import Case
from tests.live.live_gateway import LiveGateway, ask
from tests.live.live_run import RUN
from tests.live.live_upstream import MARK

_PAUSE = 0.004
"""Seconds between two requests of a caller: some 150 a second, which leaves ports and processors for the gateway."""

MOST = 25_000
"""Requests of one caller at most."""


class Hammer:
    """A thread per caller. A context manager; it stops at the end, or when every caller has asked MOST times.

    `counts` are the answers by caller and status; status 0 is a connection without an answer.
    """

    def __init__(self, live: LiveGateway, callers: Mapping[str, Case]) -> None:
        self.counts: dict[str, Counter[int]] = {name: Counter() for name in callers}
        self._live = live
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(name, case), name=f"hammer-{name}", daemon=True)
            for name, case in callers.items()
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(20)

    def arrived(self, caller: str) -> int:
        """How many of a caller's requests reached the upstream."""
        return len(self._live.upstream.arrived(self._mark(caller)))

    def let_through(self) -> dict[str, int]:
        """Requests that reached the upstream or were answered as if, by caller; callers with none are left out."""
        found = {
            name: max(self.arrived(name), sum(count for status, count in counts.items() if 0 < status < 400))
            for name, counts in self.counts.items()
        }
        return {name: count for name, count in found.items() if count}

    def _mark(self, caller: str) -> str:
        return f"{RUN}-{caller}-{id(self)}"

    def _ask(self, name: str, case: Case) -> None:
        raw = case.raw(MARK + b": " + self._mark(name).encode(), b"Connection: close")
        for _ in range(MOST):
            if self._stop.is_set():
                return
            try:
                status = ask(self._live.target.proxy, raw, case.method)
            except (OSError, http.client.HTTPException):
                status = 0
            self.counts[name][status] += 1
            time.sleep(_PAUSE)
