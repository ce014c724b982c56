"""Progress of steps and waits: in place on a terminal, as occasional lines in a log. Needs only
Python."""

from __future__ import annotations

import contextlib
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator

_OFTEN = 0.2
"""Seconds between updates on a terminal."""
_NOW_AND_THEN = 10.0
"""Seconds between two lines of a log."""


def say(text: str) -> None:
    """A line on standard error, at once."""
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def shown(now: Callable[[], str]) -> Iterator[None]:
    """Show the result of `now` and the elapsed seconds on standard error while the block runs.

    A terminal shows one line, which disappears at the end. Other outputs get a line every ten
    seconds.
    """
    done = threading.Event()
    started = time.monotonic()
    in_place = sys.stderr.isatty()

    def show() -> None:
        while not done.wait(_OFTEN if in_place else _NOW_AND_THEN):
            line = f"  {time.monotonic() - started:4.0f} s  {now()}"
            if in_place:
                width = shutil.get_terminal_size().columns - 1
                print(
                    f"\r\033[K{line[:width]}",
                    end="",
                    file=sys.stderr,
                    flush=True,
                )
            else:
                say(line)

    showing = threading.Thread(target=show, daemon=True)
    showing.start()
    try:
        yield
    finally:
        done.set()
        showing.join()
        if in_place:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
