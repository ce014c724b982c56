"""Follows the lines of a log through rotation, with `tail -F`."""

from __future__ import annotations

import subprocess
from collections.abc import Generator
from functools import partial
from pathlib import Path

# The most bytes of a line; a longer line is split.
LONGEST = 1 << 20


def follow(file: Path) -> Generator[bytes, None, None]:
    """Yield new lines of a file without end, and all lines of a file that replaces it. Raises
    OSError if the file does not exist at first."""
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
