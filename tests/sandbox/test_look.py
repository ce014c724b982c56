"""`make look`: the first answer, with Python and the core lock's packages, in an archive that is no
repository."""

from __future__ import annotations

import re
import shutil
import subprocess
import venv
from importlib import metadata
from pathlib import Path

import pytest

from sandbox import look

PARTS = ("kong_oam", "definitions", "applications", "stacks")
LOCK = look.ROOT / "requirements-core.lock"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The parts of an archive that it needs, with a .venv that has the packages of the core lock and no other."""
    folder = tmp_path_factory.mktemp("archive")
    for name in PARTS:
        shutil.copytree(
            look.ROOT / name,
            folder / name,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    (folder / "sandbox").mkdir()
    for name in ("__init__.py", "look.py"):
        shutil.copy(look.ROOT / "sandbox" / name, folder / "sandbox")
    venv.create(folder / ".venv")
    (site_packages,) = (folder / ".venv").glob("lib/python*/site-packages")
    for name in re.findall(
        r"^([\w-]+)==", LOCK.read_text("utf-8"), re.MULTILINE
    ):
        package = metadata.distribution(name)
        for top in {
            file.parts[0]
            for file in package.files or ()
            if file.parts[0] not in ("..", "__pycache__")
        }:
            (site_packages / top).symlink_to(str(package.locate_file(top)))
    return folder


def run_look(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run it in a terminal without any program: neither git nor a pulumi."""
    command = [folder / ".venv" / "bin" / "python", "-m", "sandbox.look"]
    return subprocess.run(
        command,
        cwd=folder,
        env={"PATH": "/nowhere"},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.deep
def test_it_shows_the_commands_and_their_output(unpacked: Path) -> None:
    """Each as it can be typed; an edit and its changes; the picture."""
    completed = run_look(unpacked)
    assert (completed.returncode, completed.stderr) == (0, "")
    commands = re.findall(r"^\$ (.*)$", completed.stdout, re.MULTILINE)
    assert commands == [
        f".venv/bin/python -m kong_oam {words}"
        for words in (
            "check",
            "matrix --component orders/api",
            "who GET https://reports.example.com/reports",
            "diff . build/edited",
            "graph --output build/access.svg",
        )
    ]
    assert ": no errors\n" in completed.stdout
    assert "\nreports/renderer " in completed.stdout
    assert (
        "\n+  - {paths: [/orders/health, /orders/prices], methods: [GET], public:"
        in completed.stdout
    )
    assert "\nnewly public  everybody  " in completed.stdout
    assert (unpacked / look.PICTURE).read_text("utf-8").startswith("<svg")


@pytest.mark.deep
def test_where_the_sample_is_not_as_it_came_the_rest_is_shown(
    unpacked: Path,
) -> None:
    """Its author knows how to edit. An invalid edit stops `make look`, with the verb's own words
    and status."""
    file = unpacked / look.FILE
    text = file.read_text("utf-8")
    try:
        file.write_text(
            text.replace("/orders/health", "/orders/alive"), "utf-8"
        )
        completed = run_look(unpacked)
        assert (
            completed.returncode == 0
            and " diff . " not in completed.stdout
            and " graph " in completed.stdout
        )
        file.write_text(text.replace("type: gateway", "type: gatway"), "utf-8")
        completed = run_look(unpacked)
        assert (
            completed.returncode == 1
            and "OAM104" in completed.stdout
            and " who " not in completed.stdout
        )
        file.rename(unpacked / "applications" / "others.yaml")
        assert " check\n" in run_look(unpacked).stdout
    finally:
        (unpacked / "applications" / "others.yaml").unlink(missing_ok=True)
        file.write_text(text, "utf-8")


@pytest.mark.parametrize("python", ["an old one", "none"])
@pytest.mark.parametrize("target", ["look", "setup", "docs"])
def test_a_python_that_is_too_old_is_one_line(
    python: str, target: str, tmp_path: Path
) -> None:
    """Before anything is made."""
    shutil.copy(look.ROOT / "Makefile", tmp_path)
    for lock in look.ROOT.glob("*.lock"):
        shutil.copy(lock, tmp_path)
    old = tmp_path / "python"
    if python != "none":
        old.write_text(
            '#!/bin/sh\ntest "$1" = --version && echo Python 3.9.2\nexit 1\n'
        )
        old.chmod(0o755)
    command = ["make", "--no-print-directory", target, f"PYTHON={old}"]
    completed = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    first, _ = completed.stderr.splitlines()  # the second is of make itself
    version = "Python 3.9.2" if python != "none" else ".*not found"
    assert re.fullmatch(
        rf"error: Python 3.11 or newer is needed; {old} is {version}. Try: make PYTHON=python3.11 {target}",
        first,
    )
    assert completed.returncode == 2 and completed.stdout == ""
    assert (
        not (tmp_path / ".venv").exists()
        and not (tmp_path / ".venv-docs").exists()
    )
