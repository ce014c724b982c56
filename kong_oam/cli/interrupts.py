"""Handle interrupts of commands during which the engine writes states: they finish in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from signal import SIGINT, SIGTERM, signal


@contextmanager
def interrupting(interrupt: Callable[[], object]) -> Iterator[None]:
    """Call `interrupt` at Ctrl-C or SIGTERM instead of ending the process."""
    before = {
        number: signal(number, lambda *_: interrupt())
        for number in (SIGINT, SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal(number, handler)
