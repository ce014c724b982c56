"""Follows a log: its lines as they come, through rotation. `tail -F` does it."""

from __future__ import annotations

import subprocess
from collections.abc import Generator
from functools import partial
from pathlib import Path

LONGEST = 1 << 20
"""Bytes of a line; what goes on longer ends there."""


def follow(file: Path) -> Generator[bytes, None, None]:
    """Return the lines that come to a file from now on, without end, and all those of a file that
    takes its place, or that is emptied. Raises OSError where there is none at the beginning."""
    return _lines(file.absolute(), file.stat().st_size)


def _lines(file: Path, end: int) -> Generator[bytes, None, None]:
    command = ["tail", "-c", f"+{end + 1}", "-F", str(file)]
    with subprocess.Popen(  # noqa: S603 - no shell
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as tail:
        assert tail.stdout is not None
        try:
            yield from iter(partial(tail.stdout.readline, LONGEST), b"")
        finally:
            tail.kill()
