"""Handle interrupts of commands during which the engine writes states: they finish in order."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def interrupting(interrupt: Callable[[], object]) -> Iterator[None]:
    """Call `interrupt` at Ctrl-C or SIGTERM instead of ending the process."""
    before = {
        number: signal.signal(number, lambda *_: interrupt())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
