"""Answers after every save: looks at files ten times a second, and reads again what looks
otherwise."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from kong_oam.cli.command import OK
from kong_oam.cli.console import Console, complain
from kong_oam.errors import KongOamError
from kong_oam.oam.application import Reading, ReadOne, read_file
from kong_oam.oam.model import OwnTypes

Look = dict[str, tuple[int, ...] | None]
"""How files look without reading them: what changes with every save, or None for one that is not
there."""

_Kept = tuple[tuple[int, ...], OwnTypes, Reading]
"""How a file looked, which types the project defined itself, and what was read."""

PAUSE = 0.1
"""Seconds between two looks."""
SETTLING = 0.02
"""Seconds for which files stay as they are before they are read: an editor may empty one first and
then write it, or move a new one to its place. Longer than two writes can have one time of
modification."""
PATIENCE = 50
"""How often it is waited for that."""


def watch(
    files: Callable[[], Iterable[Path]],
    refresh: Callable[[], None],
    answer: Callable[[ReadOne], None],
    console: Console,
) -> int:
    """Call `answer` at once, and again whenever one of `files` was saved, came or went, until
    Ctrl-C. Before each answer `refresh` is called, after which there may be others. Returns the
    exit status.

    `answer` is given what reads a file, or knows it. A later KongOamError of both is printed; the
    first one is raised.
    """
    looks: Look | None = None
    readings: dict[str, _Kept] = {}
    try:
        while True:
            started = time.monotonic()
            now = _look(files())
            if now == looks:
                time.sleep(PAUSE)
                continue
            is_first = looks is None
            looks = _settled(files, now)
            try:
                refresh()
                looks = _look(files())
                _clear(console)
                answer(_reader(looks, readings))
            except KongOamError as error:
                # The first answer shows whether the command can be answered at all; a later one may
                # fail while somebody edits.
                if is_first:
                    raise
                complain(error)
            readings = {
                name: kept for name, kept in readings.items() if name in looks
            }
            took = time.monotonic() - started
            console.print(
                f"{time.strftime('%H:%M:%S')}, in {took:.2f} s; waits for the next save, Ctrl-C "
                "ends it"
            )
            console.out.flush()
    except KeyboardInterrupt:
        console.print("", "no longer watched")
        return OK


def _look(files: Iterable[Path]) -> Look:
    return {str(file): _looks(str(file)) for file in files}


def _looks(file: str) -> tuple[int, ...] | None:
    try:
        about = os.stat(file)  # noqa: PTH116 - of thousands, and often
    except OSError:
        return None
    return (about.st_mtime_ns, about.st_ctime_ns, about.st_size, about.st_ino)


def _settled(files: Callable[[], Iterable[Path]], now: Look) -> Look:
    for _ in range(PATIENCE):
        time.sleep(SETTLING)
        before = now
        now = _look(files())
        if now == before:
            break
    return now


def _reader(look: Look, readings: dict[str, _Kept]) -> ReadOne:
    """What reads a file, unless one that looks the same was read before."""

    def read_one(file: Path, name: str, own: OwnTypes) -> Reading:
        looks = look.get(str(file))
        kept = readings.get(str(file))
        if looks and kept and kept[:2] == (looks, own):
            return kept[2]
        reading = read_file(file, name, own)
        if looks:
            readings[str(file)] = looks, own, reading
        return reading

    return read_one


def _clear(console: Console) -> None:
    """Empty a terminal, so that the answer stands alone; anything else keeps all of them."""
    if console.out.isatty() and os.environ.get("TERM") != "dumb":
        console.out.write("\x1b[H\x1b[2J")
