"""Read files of a git revision without changing the working tree."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from kong_oam.cli.command import UsageError
from kong_oam.oam.files import FileNames, is_empty_folder, root_of

_LINK = b"120000"
_SUBMODULE = b"160000"

_Entry = tuple[bytes, str, Path]
"""Mode, object and path of a file in a commit."""


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit of a repository, and the folder of its working tree."""

    commit: str
    top: Path

    def contains(self, path: str | Path) -> bool:
        """Return whether the repository contains a path. The path is relative to the working
        directory."""
        return self._relative(path).parts[:1] != ("..",)

    def target_path(self, path: str | Path, into: Path) -> Path:
        """Return where `extract` writes a path. The path is relative to the working directory."""
        return into / self._relative(path)

    def check_out(
        self, names: Iterable[str], into: Path
    ) -> tuple[list[Path], list[str]]:
        """Extract files, folders and globs, which are relative to the working directory.

        Returns their new paths; paths outside the repository stay unchanged. Also returns the names
        of all paths that no commit of the repository contains, as `extract` does. Raises
        UsageError.
        """
        places = []
        roots = []
        outside = []
        for name in names:
            if self.contains(name):
                places.append(self.target_path(name, into))
                roots.append(root_of(Path(name)))
            else:
                places.append(Path(name))
                outside.append(name)
        return places, [*self.extract(roots, into), *outside]

    def extract(self, paths: FileNames, into: Path) -> list[str]:
        """Write the files at or below the paths into `into`, as a checkout of the commit does.
        Symbolic links stay links. Files of submodules are included, and files of nested
        repositories in their current state.

        Returns the nested repositories with YAML files, relative to the working directory. Raises
        UsageError.
        """
        roots = [self._relative(path) for path in paths]
        entries = list(self._entries())
        self._check_out(entries, roots, into)
        submodules = {
            path: commit for mode, commit, path in entries if mode == _SUBMODULE
        }
        # A path may be in a submodule, or contain a submodule.
        for path, commit in submodules.items():
            if any(
                path.is_relative_to(root) or root.is_relative_to(path)
                for root in roots
            ):
                submodule = self.top / path
                Revision(commit, submodule).extract([submodule], into / path)
        nested = set[Path]()
        for root in roots:
            nested.update(self._nested_repositories(root, submodules))
        others = []
        for path in sorted(nested):
            source = self.top / path
            _copy(source, into / path)
            if not is_empty_folder(source):
                others.append(os.path.relpath(source))
        return others

    def _check_out(
        self, entries: Iterable[_Entry], roots: Sequence[Path], into: Path
    ) -> None:
        links = []
        listed = []
        for mode, _, path in entries:
            # Create all folders, because a link may point to any of them. A dangling link would
            # hide Applications without an error.
            (into / path).parent.mkdir(parents=True, exist_ok=True)
            if mode == _LINK:
                links.append(path)
            if mode == _LINK or any(map(path.is_relative_to, roots)):
                listed.append(os.fsencode(path))
        with TemporaryDirectory() as temporary:
            # A separate index, so that the index of the working tree stays unchanged.
            index = f"{temporary}/index"
            _git("read-tree", self.commit, at=self.top, index=index)
            _git(
                "checkout-index",
                "--force",
                "--stdin",
                "-z",
                f"--prefix={into}/",
                stdin=b"\0".join(listed),
                at=self.top,
                index=index,
            )
        root = Path(os.path.realpath(into))
        for path in links:
            target = Path(os.path.realpath(into / path))
            # A link out of the repository keeps its target in the working tree.
            if not target.is_relative_to(root) and not target.exists():
                (into / path).unlink()
                (into / path).symlink_to(
                    self.top / os.path.relpath(target, root)
                )

    def _relative(self, path: str | Path) -> Path:
        """Return a path relative to the repository's folder, after resolving links if necessary."""
        relative = Path(os.path.relpath(path, self.top))
        if relative.parts[:1] == ("..",):
            return Path(os.path.relpath(os.path.realpath(path), self.top))
        return relative

    def _nested_repositories(
        self, root: Path, submodules: Container[Path]
    ) -> Iterator[Path]:
        """Yield nested repositories at or below a path that are no submodules."""
        for path in (root, *root.parents):
            if path == Path() or path in submodules:
                continue
            if (self.top / path / ".git").exists():
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

    def _entries(self) -> Iterator[_Entry]:
        """Yield all entries of the commit. A submodule is a single entry."""
        listed = _git(
            "ls-tree", "-r", "-z", "--full-tree", self.commit, at=self.top
        ).stdout
        for entry in filter(None, listed.split(b"\0")):
            header, _, path = entry.partition(b"\t")
            mode, _, name = header.split()
            yield mode, name.decode(), Path(os.fsdecode(path))


def revision(name: str) -> Revision:
    """Return the commit with this name in the repository of the working directory. Raises
    UsageError."""
    top = _git("rev-parse", "--show-toplevel", check=False)
    if top.returncode != 0:
        raise UsageError(
            "no such file or folder; revisions need a git repository"
        )
    parsed = _git(
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        f"{name}^{{commit}}",
        check=False,
    )
    if parsed.returncode != 0:
        if name == "HEAD":
            raise UsageError("no commit yet: commit the files to compare with")
        raise UsageError("no such file, folder or git revision")
    return Revision(
        parsed.stdout.decode().strip(),
        Path(os.fsdecode(top.stdout.removesuffix(b"\n"))),
    )


def revision_of(names: Iterable[str | Path]) -> str:
    """Return the commit of the working directory in words. A remark follows if any of these files,
    folders and globs differs from it."""
    try:
        commit = revision("HEAD").commit
    except UsageError:
        return "no git revision"
    roots = [str(root_of(Path(name))) for name in names]
    listing = ("status", "--porcelain", "--ignored", "--", *roots)
    # It fails for paths outside the repository and beyond a link.
    status = _git("--literal-pathspecs", *listing, check=False)
    changed = status.stdout or status.returncode
    return (
        f"git revision {commit}{' and uncommitted changes' if changed else ''}"
    )


def is_revision(name: str) -> bool:
    """Return whether git is installed and the name is a commit."""
    try:
        return bool(revision(name))
    except UsageError:
        return False


def _copy(source: Path, target: Path) -> None:
    """Copy a file or a folder of another repository. Symbolic links stay links."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            without = shutil.ignore_patterns(".git")
            shutil.copytree(
                source,
                target,
                symlinks=True,
                ignore=without,
                dirs_exist_ok=True,
            )
        else:
            shutil.copy(source, target)
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error}") from None


def _git(
    *arguments: str,
    stdin: bytes = b"",
    check: bool = True,
    at: Path | None = None,
    index: str | None = None,
) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "GIT_INDEX_FILE": index} if index else None
    command = ["git", *arguments]
    try:
        completed = subprocess.run(  # noqa: S603
            command,
            input=stdin,
            capture_output=True,
            timeout=60,
            cwd=at,
            env=environment,
        )
    except FileNotFoundError:
        raise UsageError(
            "no such file or folder; revisions need git, which is not installed"
        ) from None
    except subprocess.TimeoutExpired:
        raise UsageError("git took more than a minute") from None
    if check and completed.returncode != 0:
        raise UsageError(
            f"git {arguments[0]} failed: {completed.stderr.decode(errors='replace').strip()}"
        )
    return completed
