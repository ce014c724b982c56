"""Which files Applications and definitions are in: what files, folders and globs name, each file
once."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import takewhile
from pathlib import Path

from kong_oam.diagnostics import Diagnostic, nearest
from kong_oam.oam.document import MAX_BYTES, too_large
from kong_oam.oam.position import FilePlace

Naming = Callable[[Path], str]
"""How findings call a file."""


FileNames = Iterable[str | Path]
"""Names of files and folders, and patterns of them."""


SUFFIXES = (".yaml", ".yml")
"""How the names of files end that are read in a folder."""

_MAGIC = frozenset("*?[")
_NOTHING = (
    "nothing at all is in this folder: check the submodule out (git submodule update "
    "--init), or remove it"
)
_LEADS_OUT = (
    "this link leads out of the folder, to {target}, and what is there is not read; name that in "
    "{settings}, put a copy here, or remove the link"
)
_GIT = ".git"
_LOCK = ".#"
"""How the links begin that an editor puts beside what it edits."""


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for: how the names of such files end in folders, and what is said of a folder
    without one, of a name that is not there, and of a pattern that matches none."""

    suffixes: tuple[str, ...]
    empty: str
    missing: str
    no_match: str
    settings: str
    """Where such names stand."""

    def takes(self, name: str) -> bool:
        """Tell whether a file of this name is read. `orders.YAML` is read like `orders.yaml`."""
        return name.lower().endswith(self.suffixes)

    def leads_out(self, link: Path, target: str) -> str:
        """Say what is wrong about a link that leads out of the folder, and what to do.

        The target is told as it is seen from the link, so that it is the same in a copy of a
        revision.
        """
        seen = os.path.relpath(target, os.path.realpath(link.parent))
        return _LEADS_OUT.format(target=seen, settings=self.settings)


APPLICATIONS = Sought(
    SUFFIXES,
    "no YAML file is in this folder (is it checked out?), and all that was deployed from it would "
    "go; `python -m kong_oam new` writes an Application, and an empty file none.yaml says that "
    "there is none",
    "no such file or folder; check the name, in -f or in kong-oam:applications of the stack",
    "no YAML file matches it, and all that was deployed from such would go; check the pattern, or "
    "take it out",
    "kong-oam:applications of the stack",
)
DEFINITIONS = Sought(
    (".cue", *SUFFIXES),
    "no definition is in this folder (is it checked out?): it takes files in YAML and CUE; or take "
    "it out",
    "no such file or folder; check the name, in --definitions or in kong-oam:definitions of the "
    "stack",
    "no file in YAML or CUE matches it; check the pattern, or take it out",
    "kong-oam:definitions of the stack",
)


def files_of(
    names: FileNames, folder: Path, sought: Sought = APPLICATIONS
) -> Iterator[tuple[Path, str]]:
    """Yield the files that are named, below `folder` where a name is no absolute path, each once
    whatever names it. With each comes what is wrong about it, or nothing: a folder or a glob in
    which there is no such file, a folder that cannot be listed. Nothing that could hold what is
    sought is passed over, a link that leads nowhere among it.

    In folders and by globs only files with its suffixes are found. A link that leads out of the
    folder is an error: the Applications behind it would be missing without a word.
    """
    seen = set[str]()
    for name in names:
        for file, real, problem in (
            _files_at(folder / name, sought) if str(name) else [_UNNAMED]
        ):
            if real not in seen:
                seen.add(real)
                yield file, problem


Found = tuple[Path, str, str]
"""A file, the path that it really has, and what is wrong about it, or nothing."""


_UNNAMED: Found = (
    Path(),
    "",
    "an empty name names nothing; write . for the folder that this is run in",
)


def _files_at(path: Path, sought: Sought) -> Iterator[Found]:
    if path.is_dir() and os.path.realpath(path) == path.anchor:
        yield (
            path,
            path.anchor,
            "this is the whole file system; name the folder that holds them",
        )
    elif path.is_dir():
        found = [*_files_in(path, os.path.realpath(path), sought)]
        yield from found or [(path, str(path), sought.empty)]
    elif is_glob(path) and not os.path.lexists(path):
        matches = sorted({*_matches(path, sought)})
        yield from matches or [(path, str(path), sought.no_match)]
    else:
        yield (
            path,
            os.path.realpath(path),
            "" if os.path.lexists(path) else f"{sought.missing}{_near(path)}",
        )


def _near(path: Path) -> str:
    """Return a hint at what is there and is called nearly so."""
    with suppress(OSError):
        return nearest(
            path.name, (sibling.name for sibling in path.parent.iterdir()), 1
        )
    return ""


def is_empty_folder(path: str | Path) -> bool:
    """Tell whether it is a folder in which no YAML file is."""
    return Path(path).is_dir() and not any(
        _files_in(Path(path), os.path.realpath(path), APPLICATIONS)
    )


def is_glob(name: str | Path) -> bool:
    """Tell whether the name is a pattern, where no file has that very name."""
    return not _MAGIC.isdisjoint(str(name))


def root_of(name: Path) -> Path:
    """Return the folder that holds all that a glob can match: its parts before the first that is a
    pattern."""
    return Path(*takewhile(lambda part: not is_glob(part), name.parts))


def is_in(folder: Path, name: str | Path) -> bool:
    """Tell whether what is named, or of a glob the folder that holds all that it can match, is
    below a folder."""
    return os.path.lexists(folder / root_of(Path(name)))


def _matches(pattern: Path, sought: Sought) -> Iterator[Found]:
    root = root_of(pattern)
    inside = os.path.realpath(root)
    for match, problem in _expanded(root, pattern.relative_to(root).parts):
        real = os.path.realpath(match)
        if problem:
            yield match, real, problem
        elif not _is_within(real, inside):
            if match.is_dir() or sought.takes(match.name):
                yield match, real, sought.leads_out(match, real)
        elif match.is_dir():
            yield from [*_files_in(match, real, sought, inside)] or [
                (match, real, sought.empty)
            ]
        elif sought.takes(match.name):
            yield match, real, ""


def _expanded(folder: Path, parts: Sequence[str]) -> Iterator[tuple[Path, str]]:
    """Yield what the parts of a pattern match in a folder, or what is wrong about a folder on the
    way: pathlib's own `glob` passes over one that cannot be listed."""
    if not parts:
        yield folder, ""
        return
    part = parts[0]
    rest = parts[1:]
    if part != "**" and not is_glob(part):
        if os.path.lexists(folder / part):
            yield from _expanded(folder / part, rest)
        return
    if part == "**":
        yield from _expanded(folder, rest)
    if not folder.is_dir():
        return
    entries, problem = _listed(folder)
    if problem:
        yield folder, problem
    for entry in entries:
        path = folder / entry.name
        if part == "**" and entry.is_dir(follow_symlinks=False):
            yield from _expanded(path, parts)
        elif part != "**" and fnmatchcase(entry.name, part):
            yield from _expanded(path, rest)


def _listed(folder: Path) -> tuple[list[os.DirEntry[str]], str]:
    """Return what is in a folder, by name, and what is wrong about it: git keeps no folder in which
    nothing is, but for a submodule that is not checked out."""
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        return [], f"{error.strerror}; check who may list this folder"
    return listed, "" if listed else _NOTHING


def _files_in(
    folder: Path, real: str, sought: Sought, inside: str | None = None
) -> Iterator[Found]:
    """Yield the files in a folder, by name: whoever watches a thousand asks ten times a second, so
    that of the disk only links are asked where they lead."""
    entries, problem = _listed(folder)
    if problem and (inside or problem is not _NOTHING):
        yield folder, real, problem
    for entry in entries:
        path = folder / entry.name
        if entry.is_dir(follow_symlinks=False):
            if entry.name != _GIT:
                yield from _files_in(
                    path, f"{real}/{entry.name}", sought, inside or real
                )
        elif entry.is_symlink():
            if not entry.name.startswith(_LOCK):
                yield from _link(path, inside or real, sought)
        elif sought.takes(entry.name) and entry.is_file(follow_symlinks=False):
            yield path, f"{real}/{entry.name}", ""


def _link(path: Path, inside: str, sought: Sought) -> Iterator[Found]:
    """Yield the file that a link leads to. What is in a folder below the one that is read is found
    there."""
    target = os.path.realpath(path)
    is_folder = os.path.isdir(target)  # noqa: PTH112 - which never raises
    if is_folder or sought.takes(path.name):
        if not _is_within(target, inside):
            yield path, target, sought.leads_out(path, target)
        elif not is_folder:
            yield path, target, ""


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def bytes_of(file: Path, name: str) -> bytes | Diagnostic:
    """Read the file. A pipe or a device may never end, and a huge file not fit: neither is
    opened."""
    try:
        about = file.stat()
        if not stat.S_ISREG(about.st_mode):
            return cannot_be_read(name, "no regular file; check the path")
        return (
            too_large(name, about.st_size)
            if about.st_size > MAX_BYTES
            else file.read_bytes()
        )
    except OSError as error:
        return cannot_be_read(
            name, f"{error.strerror or error}; check the path"
        )


def cannot_be_read(name: str, why: str) -> Diagnostic:
    """Return the finding about a file that findings call `name`."""
    return Diagnostic("OAM101", f"cannot be read: {why}", FilePlace(name, 1, 1))
