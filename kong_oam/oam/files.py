"""Which files Applications are in: what files, folders and globs name, each file once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

SUFFIXES = (".yaml", ".yml")
"""How the names of files end that are read in a folder."""

_MAGIC = frozenset("*?[")
_EMPTY_FOLDER = (
    "no YAML file is in this folder (is it checked out?), and all that was deployed from it would go; "
    "`python -m kong_oam new` writes an Application, and an empty file none.yaml says that there is none"
)
_NO_MATCH = "no YAML file matches it, and all that was deployed from such would go; check the pattern, or take it out"


def files_of(names: Iterable[str | Path], folder: Path) -> Iterator[tuple[Path, str]]:
    """Yields the files that are named, below `folder` where a name is no absolute path, each once whatever names it.
    With each comes what is wrong about it, or nothing: a folder or a glob in which there is no YAML file.

    In folders and by globs only YAML files are found, and none by a link that leads out of the folder.
    """
    seen: set[Path] = set()
    for name in names:
        for file, problem in _files_at(folder / name):
            real = file.resolve()
            if real not in seen:
                seen.add(real)
                yield file, problem


def _files_at(path: Path) -> Iterator[tuple[Path, str]]:
    if path.is_dir():
        found = sorted(_yaml_files(path.rglob("*"), path))
        yield from ((file, "") for file in found) if found else [(path, _EMPTY_FOLDER)]
    elif is_glob(path) and not path.exists():
        found = sorted(_matches(path))
        yield from ((file, "") for file in found) if found else [(path, _NO_MATCH)]
    else:
        yield path, ""


def is_empty_folder(path: str | Path) -> bool:
    """Whether it is a folder in which no YAML file is."""
    return Path(path).is_dir() and not any(_yaml_files(Path(path).rglob("*"), Path(path)))


def is_glob(name: str | Path) -> bool:
    """Whether the name is a pattern, where no file has that very name."""
    return not _MAGIC.isdisjoint(str(name))


def root_of(name: Path) -> Path:
    """The folder that holds all that a glob can match: its parts before the first that is a pattern."""
    plain = next((number for number, part in enumerate(name.parts) if is_glob(part)), len(name.parts))
    return Path(*name.parts[:plain])


def _matches(pattern: Path) -> set[Path]:
    root, files = root_of(pattern), set[Path]()
    for match in root.glob(str(pattern.relative_to(root))):
        files.update(_yaml_files(match.rglob("*") if match.is_dir() else (match,), root))
    return files


def _yaml_files(paths: Iterable[Path], root: Path) -> Iterator[Path]:
    inside = root.resolve()
    return (
        path for path in paths if path.suffix in SUFFIXES and path.is_file() and path.resolve().is_relative_to(inside)
    )
