"""Which files Applications are in: what files, folders and globs name, each file once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

from kong_oam.diagnostics import nearest

SUFFIXES = (".yaml", ".yml")
"""How the names of files end that are read in a folder."""

_MAGIC = frozenset("*?[")
_EMPTY_FOLDER = (
    "no YAML file is in this folder (is it checked out?), and all that was deployed from it would go; "
    "`python -m kong_oam new` writes an Application, and an empty file none.yaml says that there is none"
)
_NOTHING = "nothing at all is in this folder: check the submodule out (git submodule update --init), or remove it"
_GIT = ".git"
_LOCK = ".#"
"""How the links begin that an editor puts beside what it edits."""
_MISSING = "no such file or folder; check the name, in -f or in kong-oam:applications of the stack"
_NO_MATCH = "no YAML file matches it, and all that was deployed from such would go; check the pattern, or take it out"


def files_of(names: Iterable[str | Path], folder: Path) -> Iterator[tuple[Path, str]]:
    """Yields the files that are named, below `folder` where a name is no absolute path, each once whatever names it.
    With each comes what is wrong about it, or nothing: a folder or a glob in which there is no YAML file, a folder that
    cannot be listed. Nothing that could hold Applications is passed over, a link that leads nowhere among it.

    In folders and by globs only YAML files are found, and none by a link that leads out of the folder.
    """
    seen: set[str] = set()
    for name in names:
        for file, real, problem in _files_at(folder / name):
            if real not in seen:
                seen.add(real)
                yield file, problem


Found = tuple[Path, str, str]
"""A file, the path that it really has, and what is wrong about it, or nothing."""


def _files_at(path: Path) -> Iterator[Found]:
    if path.is_dir():
        found = [*_yaml_files(path, os.path.realpath(path))]
        yield from found or [(path, str(path), _EMPTY_FOLDER)]
    elif is_glob(path) and not os.path.lexists(path):
        matches = sorted({*_matches(path)})
        yield from matches or [(path, str(path), _NO_MATCH)]
    else:
        yield path, os.path.realpath(path), "" if os.path.lexists(path) else f"{_MISSING}{_near(path)}"


def _near(path: Path) -> str:
    """A hint at what is there and is called nearly so."""
    with suppress(OSError):
        return nearest(path.name, (sibling.name for sibling in path.parent.iterdir()), 1)
    return ""


def is_empty_folder(path: str | Path) -> bool:
    """Whether it is a folder in which no YAML file is."""
    return Path(path).is_dir() and not any(_yaml_files(Path(path), os.path.realpath(path)))


def is_glob(name: str | Path) -> bool:
    """Whether the name is a pattern, where no file has that very name."""
    return not _MAGIC.isdisjoint(str(name))


def root_of(name: Path) -> Path:
    """The folder that holds all that a glob can match: its parts before the first that is a pattern."""
    plain = next((number for number, part in enumerate(name.parts) if is_glob(part)), len(name.parts))
    return Path(*name.parts[:plain])


def _matches(pattern: Path) -> Iterator[Found]:
    root = root_of(pattern)
    inside = os.path.realpath(root)
    for match, problem in _expanded(root, pattern.relative_to(root).parts):
        real = os.path.realpath(match)
        if problem:
            yield match, real, problem
        elif not _is_within(real, inside):
            continue
        elif match.is_dir():
            yield from [*_yaml_files(match, real, inside)] or [(match, real, _EMPTY_FOLDER)]
        elif match.suffix in SUFFIXES:
            yield match, real, ""


def _expanded(folder: Path, parts: Sequence[str]) -> Iterator[tuple[Path, str]]:
    """What the parts of a pattern match in a folder, or what is wrong about a folder on the way: pathlib's own `glob`
    passes over one that cannot be listed."""
    if not parts:
        yield folder, ""
        return
    part, rest = parts[0], parts[1:]
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
    """What is in a folder, by name, and what is wrong about it: git keeps no folder in which nothing is, but for a
    submodule that is not checked out."""
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        return [], f"{error.strerror}; check who may list this folder"
    return listed, "" if listed else _NOTHING


def _yaml_files(folder: Path, real: str, inside: str | None = None) -> Iterator[Found]:
    """The YAML files in a folder, by name: whoever watches a thousand asks ten times a second, so that of the disk only
    links are asked where they lead."""
    entries, problem = _listed(folder)
    if problem and (inside or problem is not _NOTHING):
        yield folder, real, problem
    for entry in entries:
        path = folder / entry.name
        if entry.is_dir(follow_symlinks=False):
            if entry.name != _GIT:
                yield from _yaml_files(path, f"{real}/{entry.name}", inside or real)
        elif not entry.name.endswith(SUFFIXES) or entry.name.startswith(_LOCK):
            continue
        elif entry.is_file(follow_symlinks=False):
            yield path, f"{real}/{entry.name}", ""
        elif entry.is_symlink():
            target = os.path.realpath(path)
            if _is_within(target, inside or real) and not os.path.isdir(target):  # noqa: PTH112 - which never raises
                yield path, target, ""


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")
