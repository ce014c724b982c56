"""Which files Applications are in: what files, folders and globs name, each file once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from kong_oam.diagnostics import nearest

SUFFIXES = (".yaml", ".yml")
"""How the names of files end that are read in a folder."""

_MAGIC = frozenset("*?[")
_EMPTY_FOLDER = (
    "no YAML file is in this folder (is it checked out?), and all that was deployed from it would go; "
    "`python -m kong_oam new` writes an Application, and an empty file none.yaml says that there is none"
)
_MISSING = "no such file or folder; check the name, in -f or in kong-oam:applications of the stack"
_NO_MATCH = "no YAML file matches it, and all that was deployed from such would go; check the pattern, or take it out"


def files_of(names: Iterable[str | Path], folder: Path) -> Iterator[tuple[Path, str]]:
    """Yields the files that are named, below `folder` where a name is no absolute path, each once whatever names it.
    With each comes what is wrong about it, or nothing: a folder or a glob in which there is no YAML file.

    In folders and by globs only YAML files are found, and none by a link that leads out of the folder.
    """
    seen: set[str] = set()
    for name in names:
        for file, real, problem in _files_at(folder / name):
            if real not in seen:
                seen.add(real)
                yield file, problem


def _files_at(path: Path) -> Iterator[tuple[Path, str, str]]:
    """The files at a path, each with the path that it really has."""
    if path.is_dir():
        found = [*_yaml_files(path, path.resolve())]
        yield from ((*pair, "") for pair in found) if found else [(path, str(path), _EMPTY_FOLDER)]
    elif is_glob(path) and not path.exists():
        matches = sorted({*_matches(path)})
        yield from ((*pair, "") for pair in matches) if matches else [(path, str(path), _NO_MATCH)]
    else:
        yield path, str(path.resolve()), "" if os.path.lexists(path) else f"{_MISSING}{_near(path)}"


def _near(path: Path) -> str:
    """A hint at what is there and is called nearly so."""
    with suppress(OSError):
        return nearest(path.name, (sibling.name for sibling in path.parent.iterdir()), 1)
    return ""


def is_empty_folder(path: str | Path) -> bool:
    """Whether it is a folder in which no YAML file is."""
    return Path(path).is_dir() and not any(_yaml_files(Path(path), Path(path).resolve()))


def is_glob(name: str | Path) -> bool:
    """Whether the name is a pattern, where no file has that very name."""
    return not _MAGIC.isdisjoint(str(name))


def root_of(name: Path) -> Path:
    """The folder that holds all that a glob can match: its parts before the first that is a pattern."""
    plain = next((number for number, part in enumerate(name.parts) if is_glob(part)), len(name.parts))
    return Path(*name.parts[:plain])


def _matches(pattern: Path) -> Iterator[tuple[Path, str]]:
    root = root_of(pattern)
    inside = root.resolve()
    for match in root.glob(str(pattern.relative_to(root))):
        real = match.resolve()
        if not real.is_relative_to(inside):
            continue
        if match.is_dir():
            yield from _yaml_files(match, real, inside)
        elif match.suffix in SUFFIXES and match.is_file():
            yield match, str(real)


def _yaml_files(folder: Path, real: Path, inside: Path | None = None) -> Iterator[tuple[Path, str]]:
    """The YAML files in a folder, by name, each with the path that it really has: whoever watches a thousand asks ten
    times a second, so that of the disk only links are asked where they lead."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_dir(follow_symlinks=False):
                yield from _yaml_files(folder / entry.name, real / entry.name, inside or real)
            elif entry.name.endswith(SUFFIXES) and entry.is_file():
                path = folder / entry.name
                if not entry.is_symlink():
                    yield path, f"{real}/{entry.name}"
                elif (target := path.resolve()).is_relative_to(inside or real):
                    yield path, str(target)
