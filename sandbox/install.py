"""Install the packages of lock files into a new virtual environment. Needs only Python.

    python -m sandbox.install VENV LOCK...

Uses `uv` if it is on the PATH, otherwise the `venv` and `pip` of this Python. Both accept only the
digests in the locks. A failure ends in one message with its remedy.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sandbox.progress import say, shown

LOCKED: Final = ("--require-hashes", "--only-binary", ":all:", "--requirement")
"""Options that install a lock file from wheels alone, so that no package runs code while it is
installed."""
BUILT: Final = (
    "--require-hashes",
    "--no-build-isolation",
    "--no-deps",
    "--requirement",
)
"""Options for packages without a wheel: the setuptools that is already installed builds them."""
SOURCES: Final = "requirements-built.lock"
"""The lock of the packages without a wheel."""

_UNREACHABLE: Final = re.compile(
    r"from versions: none|ConnectionPool|timed out|Failed to fetch|Network connectivity|no "
    r"versions? of"
)
"""Words of pip and uv where no index answers, or the index lacks a package for this Python."""


class InstallError(Exception):
    """A lock file could not be installed. The message has the reason and the remedy."""


def packages_of(lock: Path) -> int:
    """Count the packages that a lock names, for all platforms."""
    return len(
        re.findall(r"^[a-z0-9][\w.-]*==", lock.read_text("utf-8"), re.MULTILINE)
    )


def environment(folder: Path, uv: str | None) -> Path:
    """Return the interpreter of the virtual environment in `folder`, and make it if needed. Raises
    InstallError."""
    python = folder / (
        "Scripts/python.exe" if os.name == "nt" else "bin/python"
    )
    if python.exists():
        return python
    if uv:
        command = [
            uv,
            "venv",
            "--quiet",
            "--clear",
            "--seed",
            "--python",
            sys.executable,
            str(folder),
        ]
    else:
        command = [sys.executable, "-m", "venv", "--clear", str(folder)]
    try:
        _run(command, str(folder))
    except InstallError as error:
        # An environment without pip must not pass for a complete one.
        python.unlink(missing_ok=True)
        raise InstallError(
            f"{error}\nIf this Python lacks venv, install it (Debian and Ubuntu: apt install "
            "python3-venv), or name "
            "another Python: make PYTHON=..."
        ) from None
    return python


def install(python: Path, lock: Path, uv: str | None) -> None:
    """Install the packages that `lock` names for the interpreter `python`. Raises InstallError."""
    options = BUILT if lock.name == SOURCES else LOCKED
    if uv:
        command = [uv, "pip", "install", "--quiet", "--python", str(python)]
    else:
        command = [
            str(python),
            "-m",
            "pip",
            "--disable-pip-version-check",
            "--no-color",
            "install",
            "--quiet",
        ]
    _run([*command, *options, str(lock)], lock.name)


def _run(command: Sequence[str], step: str) -> None:
    """Run a command, whose words are shown only if it fails. Raises InstallError."""
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode == 0:
        return
    lines = done.stdout.splitlines()
    unreachable = next(
        (line.strip() for line in lines if _UNREACHABLE.search(line)), None
    )
    if unreachable is not None:
        raise InstallError(
            f"{step}: the package index is unreachable or has no package for this Python "
            f"({unreachable}). Check the network, set HTTPS_PROXY, or set an index: UV_INDEX_URL "
            "for uv, PIP_INDEX_URL for pip."
        )
    raise InstallError(
        "\n".join([f"{step} could not be installed:", *lines[-15:]])
    )


def main(arguments: Sequence[str]) -> int:
    """Install the locks in their order. Exit status: 0, or 1 after an error."""
    folder, *locks = map(Path, arguments)
    uv = shutil.which("uv")
    total = sum(map(packages_of, locks))
    say(
        f"installing {total} package(s) into {folder} with {'uv' if uv else 'pip: a minute or two'}"
    )
    try:
        with shown(lambda: f"installing into {folder}"):
            python = environment(folder, uv)
            for lock in locks:
                install(python, lock, uv)
    except InstallError as error:
        say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main(sys.argv[1:]))
    sys.exit(130)
