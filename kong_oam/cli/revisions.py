"""Reads files of a git revision, without touching the working tree."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kong_oam.cli.command import UsageError
from kong_oam.oam.files import is_empty_folder, is_glob, root_of

_LINK = b"120000"


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit of a repository, and the folder that the repository is checked out in."""

    commit: str
    top: Path

    def holds(self, path: str | Path) -> bool:
        """Whether a path, seen from the working directory, lies in the folder of the repository."""
        return self._inside(path).parts[:1] != ("..",)

    def copied(self, path: str | Path, into: Path) -> Path:
        """Where `extract` puts what is at a path, seen from the working directory."""
        return into / self._inside(path)

    def held(self, names: Iterable[str], into: Path, suffixes: tuple[str, ...]) -> list[Path]:
        """Extracts what the names name, files, folders and globs seen from the working directory, and returns where it
        is now; what does not lie in the repository stays where it is. By globs only files are found whose names end
        so. Raises UsageError."""
        held = {name: self.copied(name, into) for name in names if self.holds(name)}
        self.extract([name for name in held if not is_glob(name)], into)
        self.extract([root_of(Path(name)) for name in held if is_glob(name)], into, suffixes)
        return [held.get(name, Path(name)) for name in names]

    def foreign(self, names: Iterable[str]) -> list[str]:
        """What of that is in none of the repository's commits: names of what lies elsewhere, and repositories with YAML
        below what is named that this one knows nothing of, as the working directory sees them."""
        submodules = {path for _, kind, _, path in self._entries() if kind == b"commit"}
        found: list[str] = []
        for name in names:
            if not self.holds(name):
                found.append(name)
                continue
            below = self._foreign(self._inside(root_of(Path(name))), submodules)
            found += [os.path.relpath(self.top / path) for path in below if not is_empty_folder(self.top / path)]
        return [*dict.fromkeys(found)]

    def extract(self, paths: Iterable[str | Path], into: Path, suffixes: tuple[str, ...] = ("",)) -> None:
        """Writes the files at or below the paths whose names end so, as the commit has them, byte for byte, links as
        links; those of submodules as well, and what other repositories have there, as it is now. `into` is as the
        repository's folder. Raises UsageError."""
        wanted = [self._inside(path) for path in paths]
        entries, blobs = [*self._entries()], []

        def fits(path: Path) -> bool:
            return path.name.lower().endswith(suffixes)

        submodules = {path for _, kind, _, path in entries if kind == b"commit"}
        for mode, kind, name, path in entries:
            if kind == b"commit" and (roots := [*_roots_in(path, wanted)]):
                submodule = Revision(name.decode(), self.top / path)
                submodule.extract((self.top / root for root in roots), into / path, suffixes)
            elif mode == _LINK or (kind == b"blob" and any(map(path.is_relative_to, wanted)) and fits(path)):
                blobs.append((mode, name, into / path))  # of links all: what one leads to may be another
        self._write(blobs)
        links = [path for mode, *_, path in entries if mode == _LINK and any(map(path.is_relative_to, wanted))]
        if links:
            folders = {above for *_, path in entries for above in path.parents}
            self._lead(links, {path for path in folders if not any(map(path.is_relative_to, wanted))}, into)
        for root in wanted:
            for path in self._foreign(root, submodules):
                _copy(self.top / path, into / path, suffixes)

    def _lead(self, paths: Iterable[Path], folders: Container[Path], into: Path) -> None:
        """Has links to folders lead to a folder in the copy: else nobody sees that Applications may be behind them.

        `folders` are those that were not asked for: an empty folder stands for each. A folder outside the repository is
        read as it is now.
        """
        root = Path(os.path.realpath(into))
        for path in paths:
            target = Path(os.path.realpath(into / path))
            if target.is_relative_to(root):
                if target.relative_to(root) in folders:
                    target.mkdir(parents=True, exist_ok=True)
            elif not target.is_dir() and (now := self.top / os.path.relpath(target, root)).is_dir():
                (into / path).unlink()
                (into / path).symlink_to(now)

    def _inside(self, path: str | Path) -> Path:
        """A path as the repository's folder sees it, also where a link leads to that."""
        relative = Path(os.path.relpath(path, self.top))
        return relative if relative.parts[:1] != ("..",) else Path(os.path.relpath(os.path.realpath(path), self.top))

    def _foreign(self, root: Path, submodules: Container[Path]) -> Iterator[Path]:
        """What lies at or below a path in other repositories that this one knows nothing of."""
        above = [path for path in (root, *root.parents) if path != Path()]
        if any(path not in submodules and (self.top / path / ".git").exists() for path in above):
            yield root
            return
        for folder, names, files in os.walk(self.top / root):
            path = Path(folder).relative_to(self.top)
            if path != Path() and ".git" in (*names, *files):
                names.clear()
                if path not in submodules:
                    yield path
            elif ".git" in names:
                names.remove(".git")

    def _entries(self) -> Iterator[tuple[bytes, bytes, bytes, Path]]:
        """Mode, kind, object and path of all that the commit has, submodules as one entry each."""
        listed = _git("ls-tree", "-r", "-z", "--full-tree", self.commit, at=self.top).stdout
        for entry in filter(None, listed.split(b"\0")):
            about, _, path = entry.partition(b"\t")
            mode, kind, name = about.split()
            yield mode, kind, name, Path(path.decode("utf-8", "surrogateescape"))

    def _write(self, blobs: list[tuple[bytes, bytes, Path]]) -> None:
        asked = b"".join(name + b"\n" for _, name, _ in blobs)
        output = _git("cat-file", "--batch", stdin=asked, at=self.top).stdout
        start = 0
        for mode, _, file in blobs:
            end = output.index(b"\n", start)
            size = int(output[start:end].split()[-1])
            content = output[end + 1 : end + 1 + size]
            start = end + 2 + size
            file.parent.mkdir(parents=True, exist_ok=True)
            if mode != _LINK:
                file.write_bytes(content)
            elif not os.path.lexists(file):  # an extraction before may have written it
                file.symlink_to(content.decode("utf-8", "surrogateescape"))


def revision(name: str) -> Revision:
    """The commit that the name stands for, in the repository around the working directory. Raises UsageError."""
    top = _git("rev-parse", "--show-toplevel", check=False)
    if top.returncode != 0:
        raise UsageError("neither a file nor a folder, and this is no git repository")
    parsed = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}", check=False)
    if parsed.returncode != 0:
        if name == "HEAD":
            raise UsageError("nothing is committed here yet; commit what it is to be compared with")
        raise UsageError("neither a file nor a folder, and no revision that git knows")
    return Revision(parsed.stdout.decode().strip(), Path(os.fsdecode(top.stdout.removesuffix(b"\n"))))


def is_revision(name: str) -> bool:
    """Whether git is there, and takes the name for a commit."""
    try:
        return bool(revision(name))
    except UsageError:
        return False


def _roots_in(submodule: Path, roots: Iterable[Path]) -> Iterator[Path]:
    """What of the roots lies in the submodule: some of it, or all where it lies below one."""
    for root in roots:
        if root.is_relative_to(submodule):
            yield root
        elif submodule.is_relative_to(root):
            yield submodule


def _copy(source: Path, target: Path, suffixes: tuple[str, ...]) -> None:
    """Copies a file, or of a folder the files whose names end so, and links as links."""

    def unwanted(folder: str, names: list[str]) -> list[str]:
        plain = (name for name in names if not name.lower().endswith(suffixes) and (Path(folder) / name).is_file())
        return [*plain, ".git"]

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True, ignore=unwanted, dirs_exist_ok=True)
        else:
            shutil.copy(source, target)
    except (OSError, shutil.Error) as error:
        raise UsageError(f"{source} cannot be read: {error}") from None


def _git(
    *arguments: str, stdin: bytes = b"", check: bool = True, at: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    try:
        done = subprocess.run(["git", *arguments], input=stdin, capture_output=True, timeout=60, cwd=at)  # noqa: S603, S607
    except FileNotFoundError:
        raise UsageError("neither a file nor a folder, and there is no git to ask for a revision") from None
    except subprocess.TimeoutExpired:
        raise UsageError("git took more than a minute") from None
    if check and done.returncode != 0:
        raise UsageError(f"git {arguments[0]} failed: {done.stderr.decode(errors='replace').strip()}")
    return done
