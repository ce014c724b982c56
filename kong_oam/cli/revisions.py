"""Reads files of a git revision, without touching the working tree."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from kong_oam.cli.command import UsageError

_LINK = b"120000"


def commit(revision: str) -> str:
    """The commit that the revision names. Raises UsageError."""
    inside = _git("rev-parse", "--is-inside-work-tree", check=False)
    if inside.returncode != 0:
        raise UsageError("neither a file nor a folder, and this is no git repository")
    parsed = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", check=False)
    if parsed.returncode != 0:
        raise UsageError("neither a file nor a folder, and no revision that git knows")
    return parsed.stdout.decode().strip()


def is_revision(name: str) -> bool:
    """Whether git is there, and takes the name for a commit."""
    try:
        return bool(commit(name))
    except UsageError:
        return False


def extract(commit: str, folders: Iterable[Path], into: Path) -> None:
    """Writes the files of these folders (relative to here) as the commit has them, byte for byte, links as links."""
    listed = _git("ls-tree", "-r", "-z", commit, "--", *(f"{folder}/" for folder in folders)).stdout
    entries = [entry.partition(b"\t") for entry in listed.split(b"\0") if entry]
    blobs = [(about.split(), path.decode("utf-8", "surrogateescape")) for about, _, path in entries]
    blobs = [(about, path) for about, path in blobs if about[1] == b"blob"]
    output = _git("cat-file", "--batch", stdin=b"".join(about[2] + b"\n" for about, _ in blobs)).stdout
    start = 0
    for (mode, *_), path in blobs:
        end = output.index(b"\n", start)
        size = int(output[start:end].split()[-1])
        content = output[end + 1 : end + 1 + size]
        start = end + 2 + size
        file = into / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if mode == _LINK:
            file.symlink_to(content.decode("utf-8", "surrogateescape"))
        else:
            file.write_bytes(content)


def _git(*arguments: str, stdin: bytes = b"", check: bool = True) -> subprocess.CompletedProcess[bytes]:
    try:
        done = subprocess.run(["git", *arguments], input=stdin, capture_output=True, timeout=60)  # noqa: S603, S607
    except FileNotFoundError:
        raise UsageError("neither a file nor a folder, and there is no git to ask for a revision") from None
    except subprocess.TimeoutExpired:
        raise UsageError("git took more than a minute") from None
    if check and done.returncode != 0:
        raise UsageError(f"git {arguments[0]} failed: {done.stderr.decode(errors='replace').strip()}")
    return done
