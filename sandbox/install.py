"""Installs what lock files name into a virtual environment, made first where there is none. Needs Python alone.

    python -m sandbox.install VENV LOCK...

Says what it is at. What goes wrong (no venv module, no package index, other contents) ends in one line that says what
to do.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sandbox.progress import say, shown

LOCKED: Final = ("--require-hashes", "--only-binary", ":all:", "--requirement")
"""How pip is told to take what a lock file names, with the contents that it names, and to run nothing of it."""
BUILT: Final = ("--require-hashes", "--no-build-isolation", "--no-deps", "--requirement")
"""The same of packages that are published as source alone: built with the setuptools that is installed already."""
SOURCES: Final = "requirements-built.lock"
"""The lock of these."""
_UNREACHABLE: Final = re.compile(r"from versions: none|ConnectionPool|timed out")


class InstallError(Exception):
    """It could not be installed. The message says why and what to do."""


def packages_of(lock: Path) -> int:
    """How many packages a lock names, on whatever platform."""
    return len(re.findall(r"^[a-z0-9][\w.-]*==", lock.read_text("utf-8"), re.MULTILINE))


def environment(folder: Path) -> Path:
    """The interpreter of the virtual environment `folder`, made where none works there. Raises InstallError."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if python.exists():
        return python
    try:
        import ensurepip  # noqa: F401 - Debian has it apart, together with what makes an environment complete
        import venv
    except ImportError as error:
        raise InstallError(
            f"{sys.executable} has no module '{error.name}', which makes virtual environments; install it (Debian and "
            "Ubuntu: apt install python3-venv), or name another Python: make PYTHON=..."
        ) from None
    with shown(lambda: f"making {folder}"):
        try:
            venv.create(folder, clear=True, with_pip=True)
        except (OSError, subprocess.CalledProcessError) as error:
            python.unlink(missing_ok=True)  # what has no pip is no environment
            raise InstallError(f"{folder} could not be made: {error}") from None
    return python


def install(python: Path, lock: Path) -> None:
    """Installs what `lock` names for the interpreter `python`, and says how much that was. Raises InstallError."""
    count, started = packages_of(lock), time.monotonic()
    lines: list[str] = []
    command = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-color", "install"]
    flags = BUILT if lock.name == SOURCES else LOCKED
    with subprocess.Popen(
        [*command, "--progress-bar", "off", *flags, str(lock)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as pip:
        assert pip.stdout is not None
        try:
            with shown(lambda: _at(lines, count)):
                lines.extend(line.strip() for line in pip.stdout)
        finally:
            pip.kill()
    if pip.returncode:
        raise InstallError(_problem(lock, lines))
    say(
        f"  {time.monotonic() - started:4.0f} s  {lock.name}: {count} package(s), {_megabytes(lines):.1f} MB downloaded"
    )


def _at(lines: Sequence[str], count: int) -> str:
    """What pip is at, by what it has printed."""
    met = [line.split()[1] for line in lines if line.startswith("Collecting ")]
    known = len(met) + sum(line.startswith(("Requirement already satisfied: ", "Ignoring ")) for line in lines)
    if any(line.startswith("Installing collected packages") for line in lines):
        return f"writing {len(met)} packages"
    if lines and "Retrying (" in lines[-1]:
        return "the package index does not answer; pip tries again, and gives up after its fifth time"
    return f"{known} of {count} packages  {_megabytes(lines):.1f} MB  {met[-1] if met else ''}"


def _megabytes(lines: Sequence[str]) -> float:
    """What pip says that it has downloaded."""
    sizes = [re.fullmatch(r"Downloading .* \(([\d.]+) (k|M)?B\)", line) for line in lines]
    return sum(float(size[1]) / {"M": 1, "k": 1e3, None: 1e6}[size[2]] for size in sizes if size)


def _problem(lock: Path, lines: Sequence[str]) -> str:
    """Why pip failed, as far as that can be told from what it said: a line, or else the end of its words."""
    said = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    if told := next(filter(_UNREACHABLE.search, said), None):
        return (
            f"no package index was reached for {lock.name}, or it has none for this Python ({told}); with a network, a "
            "proxy (HTTPS_PROXY) or an index of your own (PIP_INDEX_URL), run this again"
        )
    return "\n".join([f"pip could not install {lock.name}:", *lines[-15:]])


def main(arguments: Sequence[str]) -> int:
    """Installs the locks in their order. Exit status: 0, or 1 after an error."""
    folder, *locks = map(Path, arguments)
    total = sum(map(packages_of, locks))
    say(f"installing {total} package(s) into {folder}, once: a minute or two with an empty cache")
    try:
        python = environment(folder)
        for lock in locks:
            install(python, lock)
    except InstallError as error:
        say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main(sys.argv[1:]))
    sys.exit(130)
