"""The wheel of this project, built from a copy and unpacked, and virtual environments that have it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOPS = ("kong_oam", "components", "policies", "definitions")


def install(source: Path, target: Path) -> Path:
    """Installs the wheel in `target`, as `pip install --no-deps` does; `source` is an empty folder to build in."""
    for name in TOPS:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--no-deps"]
    subprocess.run([*pip, "--no-build-isolation", "--target", target, source], check=True, timeout=100)
    return target


def environment(folder: Path, installed: Path) -> Path:
    """Makes the virtual environment `folder`, with what is installed there, and else what the tests run with. Returns its
    Python."""
    venv.create(folder, symlinks=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    (packages / "installed.pth").write_text(f"{installed}\n{sysconfig.get_path('purelib')}\n", "utf-8")
    return folder / "bin" / "python"
