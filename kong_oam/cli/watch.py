"""Run a command after each save: stat files ten times a second, and read changed files again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from kong_oam.cli.command import OK
from kong_oam.cli.console import Console, print_error
from kong_oam.errors import KongOamError
from kong_oam.oam.application import Reading, ReadOne, read_file
from kong_oam.oam.model import OwnTypes

Snapshot = dict[str, tuple[int, ...] | None]
"""File metadata that changes with every save, by file. None for a missing file."""

_CachedReading = tuple[tuple[int, ...], OwnTypes, Reading]
"""The metadata of a file, the project's own types, and the result of reading."""

PAUSE = 0.1
"""Seconds between two snapshots."""
SETTLE_SECONDS = 0.02
"""Seconds without a change before files are read: an editor may first empty a file and then write
it. Two writes within a shorter time could have the same modification time."""
MAX_WAITS = 50
"""The maximum number of such waits."""


def watch(
    files: Callable[[], Iterable[Path]],
    refresh: Callable[[], None],
    answer: Callable[[ReadOne], None],
    console: Console,
) -> int:
    """Call `answer` at once, and again after a change of `files`, until Ctrl-C. Return the exit
    status.

    `refresh` runs before each answer and may change the list of files. `answer` gets a function
    that reads a file, or returns the cached result. A KongOamError of the first call is raised;
    later errors are printed.
    """
    last_snapshot: Snapshot | None = None
    readings: dict[str, _CachedReading] = {}
    try:
        while True:
            started = time.monotonic()
            now = _snapshot(files())
            if now == last_snapshot:
                time.sleep(PAUSE)
                continue
            is_first = last_snapshot is None
            last_snapshot = _settled_snapshot(files, now)
            try:
                refresh()
                last_snapshot = _snapshot(files())
                _clear(console)
                answer(_reader(last_snapshot, readings))
            except KongOamError as error:
                # The first error is an error of the command. Later errors may happen while a user
                # edits.
                if is_first:
                    raise
                print_error(error)
            readings = {
                name: cached
                for name, cached in readings.items()
                if name in last_snapshot
            }
            took = time.monotonic() - started
            console.print(
                f"{time.strftime('%H:%M:%S')}, in {took:.2f} s; waiting for the next save, Ctrl-C "
                "stops"
            )
            console.out.flush()
    except KeyboardInterrupt:
        console.print("", "stopped")
        return OK


def _snapshot(files: Iterable[Path]) -> Snapshot:
    return {str(file): _stamp(str(file)) for file in files}


def _stamp(file: str) -> tuple[int, ...] | None:
    try:
        metadata = os.stat(file)  # noqa: PTH116 - of thousands, and often
    except OSError:
        return None
    return (
        metadata.st_mtime_ns,
        metadata.st_ctime_ns,
        metadata.st_size,
        metadata.st_ino,
    )


def _settled_snapshot(
    files: Callable[[], Iterable[Path]], now: Snapshot
) -> Snapshot:
    for _ in range(MAX_WAITS):
        time.sleep(SETTLE_SECONDS)
        before = now
        now = _snapshot(files())
        if now == before:
            break
    return now


def _reader(snapshot: Snapshot, readings: dict[str, _CachedReading]) -> ReadOne:
    """Return a function that reads a file, unless the same version is in the cache."""

    def read_one(file: Path, name: str, own: OwnTypes) -> Reading:
        stamp = snapshot.get(str(file))
        cached = readings.get(str(file))
        if stamp and cached and cached[:2] == (stamp, own):
            return cached[2]
        reading = read_file(file, name, own)
        if stamp:
            readings[str(file)] = stamp, own, reading
        return reading

    return read_one


def _clear(console: Console) -> None:
    """Clear a terminal, so that only the new answer is visible. Other outputs keep all answers."""
    if console.out.isatty() and os.environ.get("TERM") != "dumb":
        console.out.write("\x1b[H\x1b[2J")
