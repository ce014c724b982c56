"""Follow the section "Your first trait" of CONTRIBUTING in a copy of the project."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.documentation import CONTRIBUTING, below, block, shown
from tests.support.projects import copy_sample, replace_once
from tests.support.repository import ROOT

SECTION = (
    CONTRIBUTING.read_text("utf-8").partition("## Your first trait\n")[2]
).partition("\n## ")[0]
FILE = re.compile(r"`((?:\w+/)*\w+\.\w+)`[^`]*\n\n```\w+\n(.*?)```", re.DOTALL)
"""A file name and the block of its content, or of lines for an existing file."""
TRAIT = block(below(SECTION, "with a typo:"), "yaml")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the files that the section changes, and link the others."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("kong_oam", "definitions"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "tests").mkdir()
    for name in ("tests/support", "tests/conftest.py", "sandbox"):
        (folder / name).symlink_to(ROOT / name)
    copy_sample(folder)
    (folder / "before").mkdir()
    copy_sample(folder / "before")
    for file, text in FILE.findall(SECTION):
        if file != "applications/orders.yaml":
            _write(folder / file, text)
    return folder


def _write(file: Path, text: str) -> None:
    """Write a new file, or insert the lines into an existing file after the lines of `rate_limit`."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    elif file.name == "pyproject.toml":
        last = '  "kong_oam.traits.rate_limit",\n'
        replace_once(file, last, last + text)
    else:
        imported, _, entry = text.partition("...\n")
        last = re.findall(
            r"from kong_oam\.traits\.rate_limit .*\n", file.read_text()
        )[0]
        replace_once(file, last, last + imported)
        replace_once(file, "\n)\n", f"\n{entry})\n")


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module of the copy."""
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def _prints(project: Path, command: str, *more: str) -> None:
    """Assert that a command prints the output in the section."""
    arguments, lines = shown(SECTION, command)
    printed = (
        run(project, "kong_oam", *arguments, *more)
        .stdout.strip("\n")
        .split("\n")
    )
    assert [line.rstrip() for line in printed] == lines


def _add_trait(project: Path, trait: str) -> None:
    """Write the trait into the sample Application, above the access trait."""
    text = (ROOT / "applications/orders.yaml").read_text("utf-8")
    access = "        - type: access "
    assert text.count(access) == 1
    (project / "applications/orders.yaml").write_text(
        text.replace(access, trait + access), "utf-8"
    )


def test_check_reports_a_typo_with_its_position(project: Path) -> None:
    _add_trait(project, TRAIT)
    _prints(project, "check")


def test_diff_assumes_widened_access_by_default(project: Path) -> None:
    _add_trait(project, TRAIT.replace("cuont", "count"))
    _prints(project, "diff", "before", ".")
    meaning = project / "kong_oam/traits/retries/meaning.py"
    (line,) = re.findall(r"`(MEANING = Meaning\(RETRIES, .*?\))`", SECTION)
    replace_once(meaning, "MEANING = Meaning(RETRIES, _compile)", line)
    output = run(project, "kong_oam", "diff", "before", ".").stdout
    assert (
        "changed for callers of orders/api: edge.retries.count: none -> 2"
        in output
    )


def test_the_test_passes_and_fails_without_the_kong_configuration(
    project: Path,
) -> None:
    """The section shows the failure."""
    file = "tests/kong_oam/traits/test_retries.py"
    passed = run(project, "pytest", "-p", "no:cacheprovider", file)
    assert "1 passed" in passed.stdout, passed.stdout
    replace_once(
        project / "kong_oam/traits/at_kong.py", "    retries.AT_KONG,\n", ""
    )
    failed = run(project, "pytest", "-p", "no:cacheprovider", file)
    (failure,) = re.findall(r"it says `(assert .*?)`", SECTION)
    assert failure in failed.stdout, failed.stdout
