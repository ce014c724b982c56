"""What an interrupt does to a command that has the engine write states: it comes to an end of its
own."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def interrupting(interrupt: Callable[[], object]) -> Iterator[None]:
    """Calls `interrupt` when somebody interrupts this command (Ctrl-C), or ends it, and goes on."""
    before = {
        one: signal.signal(one, lambda *_: interrupt())
        for one in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
