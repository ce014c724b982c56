"""The wheel: all that needs no engine, and the program as an extra, with the data that they read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.support.wheel import TOPS, install

ROOT = Path(__file__).resolve().parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked."""
    return install(tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed"))


def python(installed: Path, folder: Path, *arguments: str) -> str:
    """What a Python prints that finds the package where it is installed, and nothing of this project."""
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_has_every_package_and_no_other() -> None:
    """A folder with modules that nobody lists would be missing where it is installed."""
    listed = PROJECT["tool"]["setuptools"]["packages"]
    found = {
        ".".join(folder.relative_to(ROOT).parts)
        for top in TOPS
        for folder in (ROOT / top, *(ROOT / top).rglob("*"))
        if folder.is_dir() and (folder == ROOT / "definitions" or (folder / "__init__.py").is_file())
    }
    assert sorted(listed) == sorted(name if name.startswith("kong_oam") else f"kong_oam.{name}" for name in found)


def test_what_it_needs_is_what_the_project_needs() -> None:
    """The same packages in the same versions as requirements.txt, which says why each is there."""
    lines = (line.partition("#")[0].strip() for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines())
    project = PROJECT["project"]
    listed = [*project["dependencies"], *project["optional-dependencies"]["deploy"]]
    assert sorted(map(str, map(Requirement, listed))) == sorted(str(Requirement(line)) for line in lines if line)


def test_applications_are_checked_with_what_is_installed(installed: Path, tmp_path: Path) -> None:
    """In a repository that has nothing but Applications and stacks: schemas and definitions come along."""
    for name in ("applications", "stacks"):
        shutil.copytree(ROOT / name, tmp_path / name)
    assert "no errors" in python(installed, tmp_path, "-m", "kong_oam", "check")
    said = python(installed, tmp_path, "-m", "kong_oam", "who", "GET", "https://orders.example.com/orders")
    assert "shop/checkout" in said


def test_the_program_and_the_pack_are_parts_of_it(installed: Path, tmp_path: Path) -> None:
    """A platform team's `__main__.py` calls `deploy`; scripts and kinds of plugins are read from the package."""
    (tmp_path / "one.py").write_text(
        "import kong_oam.components.program, kong_oam.policies.catalogue\n"
        "from kong_oam.policies import scripts\n"
        "from kong_oam.kong import plugins\n"
        "print(kong_oam.components.program.__file__, callable(kong_oam.components.program.deploy))\n"
        "print(scripts.is_current('post-function', plugins.gate('{}', '{}')['access'][0]))\n"
    )
    where, loaded, current = python(installed, tmp_path, "one.py").split()
    assert Path(where) == installed / "kong_oam" / "components" / "program.py"
    assert (loaded, current) == ("True", "True")
