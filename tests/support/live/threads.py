"""Threads that call a gateway while a test changes it."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self


class Calling:
    """Runs `_threads` from the beginning to the end of a context. They end when `_stop` is set."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._stage = "at first"
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, *_: type[BaseException] | BaseException | TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(20)

    def stage(self, name: str) -> None:
        """Begin a stage; an answer counts for the stage in which its request was sent."""
        self._stage = name
