"""The wheel of this project, built from a copy and unpacked, and virtual environments with it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from tests.support.repository import ROOT

TOPS = ("kong_oam", "kong_rules", "components", "policies", "definitions")


def release(source: Path) -> Path:
    """Make the files of a release in an empty folder, as `make dist` does. Return their folder."""
    for name in (*TOPS, "evaluator", "sandbox", "tests"):
        shutil.copytree(
            ROOT / name,
            source / name,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    for name in (
        "pyproject.toml",
        "MANIFEST.in",
        "Makefile",
        "README.md",
        "LICENSE",
    ):
        shutil.copy(ROOT / name, source)
    make = [
        "make",
        "--silent",
        "dist",
        "STAMP=",
        f"BIN={Path(sys.executable).parent}",
    ]  # the packages that the tests use
    subprocess.run(make, cwd=source, check=True, timeout=100)
    return source / "build" / "dist"


def install(source: Path, target: Path) -> Path:
    """Install the wheel in `target`, as `pip install --no-deps` does; `source` is an empty folder
    for the build."""
    return unpack(release(source), target)


def unpack(released: Path, target: Path) -> Path:
    """Install the wheel in that folder."""
    (wheel,) = released.glob("*.whl")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--quiet",
        "install",
        "--no-deps",
    ]
    subprocess.run([*pip, "--target", target, wheel], check=True, timeout=100)
    return target


def environment(folder: Path, installed: Path) -> Path:
    """Make the virtual environment `folder` with the packages of `installed`, and the packages that
    the tests use. Return its Python."""
    venv.create(folder, symlinks=True)
    packages = Path(
        sysconfig.get_path(
            "purelib", vars={"base": str(folder), "platbase": str(folder)}
        )
    )
    (packages / "installed.pth").write_text(
        f"{installed}\n{sysconfig.get_path('purelib')}\n", "utf-8"
    )
    return folder / "bin" / "python"
