"""Confine a process to the files of a project, for commands that a copilot calls."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from pathlib import Path

from kong_oam.render.program import cache_folder

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Events of Python with a file as first argument. Source: Python's table of audit events.
_EVENTS = ("open", "os.listdir", "os.scandir")
_CHANGES = (
    *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link"),
    *("os.symlink", "os.truncate", "os.chmod", "shutil.rmtree"),
)


def confine(project: Path) -> None:
    """Reject all other files from now on: PermissionError. The process reads the project, Python
    and its packages. It writes only temporary files and the cache of renderings.

    The rule does not hold for programs that the process starts, such as git.
    """
    written = [tempfile.gettempdir(), str(cache_folder()), os.devnull]
    read = [str(project), sys.prefix, sys.base_prefix, *filter(None, sys.path)]
    package = str(Path(__file__).parents[2])
    writable = tuple(map(os.path.realpath, written))
    readable = (*writable, *map(os.path.realpath, [*read, package, "/proc"]))

    def check(event: str, arguments: tuple[object, ...]) -> None:
        if event not in _EVENTS and event not in _CHANGES:
            return
        file = arguments[0]
        # An open file is a number; its folder was checked before.
        if not isinstance(file, (str, bytes, os.PathLike)):
            return
        name = os.path.realpath(os.fsdecode(file))
        folders = writable if _writes(event, arguments) else readable
        if not any(_is_in(name, folder) for folder in folders):
            problem = "outside the project, or not for reading only"
            raise PermissionError(errno.EACCES, problem, os.fsdecode(file))

    sys.addaudithook(check)


def _writes(event: str, arguments: tuple[object, ...]) -> bool:
    if event != "open":
        return event in _CHANGES
    _, mode, flags = arguments
    if isinstance(mode, str):
        return not {*mode} <= {*"rbtU"}
    return isinstance(flags, int) and bool(flags & _WRITING)


def _is_in(name: str, folder: str) -> bool:
    return name == folder or name.startswith(folder.rstrip("/") + "/")
