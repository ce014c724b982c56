"""Small faults of the product, each a patch in `patches/`, and the results of the tests that it
names.

The first line of a patch is `# Tests: ` and the tests that catch it, as pytest names them. The rest
is a unified diff.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.repository import ROOT

PATCHES = Path(__file__).with_name("patches")
MOST_SECONDS = 300
"""The longest time for the tests of one fault."""

_BEGIN = "# Tests: "
_LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "build", "*.egg-info")


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault. `tests` are the tests that catch it, as pytest names them."""

    patch: Path
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.patch.stem


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of pytest: its exit status (None after a timeout), and the tests that failed."""

    status: int | None
    failed: tuple[str, ...]


def all_faults() -> list[Fault]:
    """Read every patch. Raises ValueError for a patch that names no tests."""
    return [_read(patch) for patch in sorted(PATCHES.glob("*.patch"))]


def _read(patch: Path) -> Fault:
    first = patch.read_text("utf-8").partition("\n")[0]
    tests = first.removeprefix(_BEGIN).split()
    if not first.startswith(_BEGIN) or not tests:
        raise ValueError(
            f"{patch.name}: the first line does not name tests; write '{_BEGIN}tests/...'"
        )
    return Fault(patch, tuple(tests))


def copy_tree(folder: Path) -> None:
    """Copy the project into a folder that does not exist yet."""
    shutil.copytree(ROOT, folder, ignore=_LEFT_OUT)


def applies(fault: Fault, folder: Path) -> bool:
    """Return whether the patch still fits the files in a folder."""
    return _apply(fault, folder, "--check").returncode == 0


def seed(fault: Fault, folder: Path) -> None:
    """Apply the fault to the files in a folder. Raises subprocess.CalledProcessError where it does
    not fit."""
    _apply(fault, folder).check_returncode()


def mend(fault: Fault, folder: Path) -> None:
    """Remove the fault. Raises subprocess.CalledProcessError where it is not applied."""
    _apply(fault, folder, "--reverse").check_returncode()


def run(tests: tuple[str, ...], folder: Path) -> Outcome:
    """Run tests in a folder as `make test` does, in one process, until one fails."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-n",
        "0",
        "-rfE",
        "-p",
        "no:cacheprovider",
    ]
    command += ["--hypothesis-profile", "quick", *tests]
    # Python compares bytecode by size and second: old bytecode of a file could pass for its changed
    # source.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        ran = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=MOST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Outcome(None, ())
    lines = [
        line.split(" - ")[0].split(maxsplit=1)
        for line in ran.stdout.splitlines()
    ]
    failed = tuple(
        line[1]
        for line in lines
        if len(line) == 2 and line[0] in ("FAILED", "ERROR")
    )
    return Outcome(ran.returncode, failed)


def _apply(
    fault: Fault, folder: Path, *options: str
) -> subprocess.CompletedProcess[bytes]:
    command = [
        "git",
        "apply",
        "--whitespace=nowarn",
        *options,
        str(fault.patch),
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False)
