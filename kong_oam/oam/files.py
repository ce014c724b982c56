"""Find the files of Applications and definitions: files, folders and globs, each file once."""

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
from kong_oam.oam.position import FilePlace, Names

# Returns the name of a file in findings.
Naming = Callable[[Path], str]


# Names of files and folders, and glob patterns.
FileNames = Iterable[str | Path]


# The suffixes of files that are read in a folder.
SUFFIXES = (".yaml", ".yml")

_MAGIC = frozenset("*?[")
_EMPTY_FOLDER = (
    "this folder is empty; check out the submodule (git submodule update "
    "--init), or remove the folder"
)
_LINK_OUTSIDE = (
    "this link to {target} leaves the folder and is not followed. Add the "
    "target to {settings}, copy the files here, or remove the link"
)
_GIT = ".git"
# The prefix of lock links that editors create beside open files.
_LOCK = ".#"


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of files to find, with messages.

    `suffixes` select files in folders. `empty` is the message about a folder without such files,
    `missing` about an unknown name, `no_match` about a pattern without matches.
    """

    suffixes: Names
    empty: str
    missing: str
    no_match: str
    # The setting that lists such names.
    settings: str

    def takes(self, name: str) -> bool:
        """Tell whether a file of this name is read. `orders.YAML` counts like `orders.yaml`."""
        return name.lower().endswith(self.suffixes)

    def outside_message(self, link: Path, target: str) -> str:
        """Return the message about a link that points out of the folder.

        The target is relative to the link, so it is the same in a copy of a revision.
        """
        seen = os.path.relpath(target, os.path.realpath(link.parent))
        return _LINK_OUTSIDE.format(target=seen, settings=self.settings)


APPLICATIONS = FileKind(
    SUFFIXES,
    "this folder has no YAML file, so everything deployed from it would be "
    "deleted. Check it out, or run `python -m kong_oam new` to write an "
    "Application. If no Application is left, add an empty none.yaml",
    "no such file or folder; check the name in -f or in kong-oam:applications "
    "of the stack",
    "no YAML file matches this pattern, so everything deployed from such "
    "files would be deleted; correct or remove the pattern",
    "kong-oam:applications of the stack",
)
DEFINITIONS = FileKind(
    (".cue", *SUFFIXES),
    "this folder has no definitions; check it out, add YAML or CUE files, or "
    "remove the name",
    "no such file or folder; check the name in --definitions or in "
    "kong-oam:definitions of the stack",
    "no YAML or CUE file matches this pattern; correct or remove it",
    "kong-oam:definitions of the stack",
)


def files_of(
    names: FileNames, folder: Path, file_kind: FileKind = APPLICATIONS
) -> Iterator[tuple[Path, str]]:
    """Yield the named files, each once, with a problem or "". Relative names are below `folder`.

    Problems: a folder or a glob without files, a folder that cannot be listed, a broken link.
    Folders and globs find only files with the suffixes of `file_kind`. A link out of the folder is
    a problem, because its Applications would be missing silently.
    """
    seen = set[str]()
    for name in names:
        for file, real, problem in (
            _files_at(folder / name, file_kind) if str(name) else [_UNNAMED]
        ):
            if real not in seen:
                seen.add(real)
                yield file, problem


# A file, its real path, and its problem or "".
FoundFile = tuple[Path, str, str]


_UNNAMED: FoundFile = (
    Path(),
    "",
    "an empty name selects no file; write . for the current folder",
)


def _files_at(path: Path, file_kind: FileKind) -> Iterator[FoundFile]:
    if path.is_dir() and os.path.realpath(path) == path.anchor:
        yield (
            path,
            path.anchor,
            "this is the whole file system; name the folder that holds the "
            "files",
        )
    elif path.is_dir():
        found = [*_files_in(path, os.path.realpath(path), file_kind)]
        yield from found or [(path, str(path), file_kind.empty)]
    elif is_glob(path) and not os.path.lexists(path):
        matches = sorted({*_matches(path, file_kind)})
        yield from matches or [(path, str(path), file_kind.no_match)]
    else:
        yield (
            path,
            os.path.realpath(path),
            ""
            if os.path.lexists(path)
            else f"{file_kind.missing}{_similar_name(path)}",
        )


def _similar_name(path: Path) -> str:
    """Return a hint with a similar name in the same folder."""
    with suppress(OSError):
        return nearest(
            path.name, (sibling.name for sibling in path.parent.iterdir()), 1
        )
    return ""


def is_empty_folder(path: str | Path) -> bool:
    """Tell whether a folder has no YAML file."""
    return Path(path).is_dir() and not any(
        _files_in(Path(path), os.path.realpath(path), APPLICATIONS)
    )


def is_glob(name: str | Path) -> bool:
    """Tell whether a name has glob characters."""
    return not _MAGIC.isdisjoint(str(name))


def root_of(name: Path) -> Path:
    """Return the folder above all matches of a glob: the parts before the first pattern."""
    return Path(*takewhile(lambda part: not is_glob(part), name.parts))


def is_in(folder: Path, name: str | Path) -> bool:
    """Tell whether a name, or the root folder of a glob, exists below a folder."""
    return os.path.lexists(folder / root_of(Path(name)))


def _matches(pattern: Path, file_kind: FileKind) -> Iterator[FoundFile]:
    root = root_of(pattern)
    inside = os.path.realpath(root)
    for match, problem in _expanded(root, pattern.relative_to(root).parts):
        real = os.path.realpath(match)
        if problem:
            yield match, real, problem
        elif not _is_within(real, inside):
            if match.is_dir() or file_kind.takes(match.name):
                yield match, real, file_kind.outside_message(match, real)
        elif match.is_dir():
            yield from [*_files_in(match, real, file_kind, inside)] or [
                (match, real, file_kind.empty)
            ]
        elif file_kind.takes(match.name):
            yield match, real, ""


def _expanded(folder: Path, parts: Sequence[str]) -> Iterator[tuple[Path, str]]:
    """Yield the matches of a pattern's parts in a folder, or problems with folders on the way.

    pathlib's `glob` silently skips folders that it cannot list.
    """
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
    """Return the entries of a folder by name, and its problem or "". Git has empty folders only for
    missing submodules."""
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        return [], f"{error.strerror}; check the permissions of this folder"
    return listed, "" if listed else _EMPTY_FOLDER


def _files_in(
    folder: Path, real: str, file_kind: FileKind, inside: str | None = None
) -> Iterator[FoundFile]:
    """Yield the files in a folder, by name. Only links cost a call to the disk: watching lists a
    thousand files ten times a second."""
    entries, problem = _listed(folder)
    if problem and (inside or problem is not _EMPTY_FOLDER):
        yield folder, real, problem
    for entry in entries:
        path = folder / entry.name
        if entry.is_dir(follow_symlinks=False):
            if entry.name != _GIT:
                yield from _files_in(
                    path, f"{real}/{entry.name}", file_kind, inside or real
                )
        elif entry.is_symlink():
            if not entry.name.startswith(_LOCK):
                yield from _link(path, inside or real, file_kind)
        elif file_kind.takes(entry.name) and entry.is_file(
            follow_symlinks=False
        ):
            yield path, f"{real}/{entry.name}", ""


def _link(path: Path, inside: str, file_kind: FileKind) -> Iterator[FoundFile]:
    """Yield the target of a link. A target folder inside the same root is found there."""
    target = os.path.realpath(path)
    is_folder = os.path.isdir(target)  # noqa: PTH112 - never raises
    if is_folder or file_kind.takes(path.name):
        if not _is_within(target, inside):
            yield path, target, file_kind.outside_message(path, target)
        elif not is_folder:
            yield path, target, ""


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def bytes_of(file: Path, name: str) -> bytes | Diagnostic:
    """Read the file. Pipes, devices and huge files are not opened."""
    try:
        about = file.stat()
        if not stat.S_ISREG(about.st_mode):
            return cannot_be_read(name, "not a regular file; check the path")
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
    """Return the finding about an unreadable file. `name` is its name in findings."""
    return Diagnostic("OAM101", f"cannot be read: {why}", FilePlace(name, 1, 1))
