"""Follows a log: its lines as they come, through rotation."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import BinaryIO

PAUSE = 0.2
"""Seconds between two looks at a file that has not grown."""
LONGEST = 1 << 20
"""Bytes of a line; what goes on longer ends there."""


def follow(file: Path) -> Generator[bytes, None, None]:
    """Yields the lines that come to a file from now on, without end, and all those of a file that takes its place, or
    that is emptied. Raises OSError where there is none at the beginning."""
    opened: BinaryIO = file.open("rb")
    opened.seek(0, os.SEEK_END)
    while True:
        with opened:
            yield from _lines(file, opened)
        opened = _reopened(file)


def _lines(file: Path, opened: BinaryIO) -> Iterator[bytes]:
    """The lines that come until another file is in its place: one that was begun is not gone on with there."""
    part = b""
    while True:
        if read := opened.readline(LONGEST):
            part += read
            if part.endswith(b"\n") or len(part) >= LONGEST:
                yield part
                part = b""
        elif _is_at(file, opened):
            time.sleep(PAUSE)
        else:
            return


def _is_at(file: Path, opened: BinaryIO) -> bool:
    """Whether the file is still the one that is open, and no shorter than what was read of it."""
    own = os.fstat(opened.fileno())
    try:
        now = file.stat()
    except OSError:
        return False
    return (now.st_ino, now.st_dev) == (own.st_ino, own.st_dev) and now.st_size >= opened.tell()


def _reopened(file: Path) -> BinaryIO:
    while True:
        try:
            return file.open("rb")
        except OSError:
            time.sleep(PAUSE)
