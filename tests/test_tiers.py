"""Check which tests run when: the tiers, the slices, and the tests that a change touches."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support import tiers
from tests.support.repository import ROOT

DEEP = "deep or generated"


def _pytest(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        *arguments,
    ]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=110
    )


def _collected(*arguments: str) -> set[str]:
    done = _pytest(
        "--collect-only",
        "-q",
        "tests/checker",
        "tests/kong_oam/access/diff/test_diff_exact.py",
        *arguments,
    )
    assert done.returncode in (0, 5), done.stdout
    return {
        line for line in done.stdout.splitlines() if line.startswith("tests/")
    }


@pytest.mark.deep
def test_every_test_that_is_left_out_has_its_turn() -> None:
    """The slices together have all tests that `make test` leaves out or reduces, each once."""
    left_out = _collected("-m", DEEP)
    parts = [
        {name for name in left_out if tiers.slice_of(name, 4) == part}
        for part in range(4)
    ]
    assert all(parts)
    assert _collected("-m", DEEP, "--slice", "1/4") == parts[1]


@pytest.mark.parametrize("commits", (19, 42))
def test_twenty_commits_go_round_all_slices(commits: int) -> None:
    """The lines of `.ci/run` choose slices by the number of commits, and more slices while time is
    left."""
    script = (ROOT / ".ci/run").read_text("utf-8")
    slices = re.search(r"SLICES=(\d+)", script)
    formula = re.search(r'SLICE="\$\(\((.*?)\)\)/\$SLICES"', script)
    assert slices and formula

    def of(count: int, nth: int) -> int:
        words = {"commits": count, "SLICES": int(slices[1]), "nth": nth}
        done = subprocess.run(["bash", "-c", f"echo $(({formula[1]}))"], env={k: str(v) for k, v in words.items()}, capture_output=True, text=True, check=True, timeout=10)  # fmt: skip
        return int(done.stdout)

    first = {of(commits + more, 0) for more in range(20)}
    assert first == set(range(int(slices[1])))
    assert of(commits, 1) == of(commits - 1, 0)


def test_a_change_affects_its_importers() -> None:
    """Direct and indirect imports count, and so does a changed test file."""
    touched = tiers.touched_tests(
        [
            ROOT / "tests/support/checker/order.py",
            ROOT / "tests/kong_oam/oam/test_edit.py",
            ROOT / "README.md",
        ]
    )
    names = {str(file.relative_to(ROOT)) for file in touched}
    assert {
        "tests/checker/test_checker_order.py",
        "tests/checker/test_checker_faults.py",
        "tests/kong_oam/oam/test_edit.py",
    } <= names
    assert "tests/kong_oam/oam/test_document.py" not in names


SUITE = """
import pytest
from sandbox import toolchain

def test_starts_the_engine():
    toolchain.pulumi_folder()

@pytest.mark.engine
def test_is_known_to_start_it():
    toolchain.pulumi_folder()
"""


@pytest.mark.engine
def test_only_marked_tests_can_start_the_engine(tmp_path: Path) -> None:
    """No test of `make test-fast` starts the engine."""
    (tmp_path / "test_it.py").write_text(SUITE)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    plugins = ("-p", "tests.support.tiers", "-p", "tests.conftest")
    done = _pytest(
        "-c",
        str(tmp_path / "pytest.ini"),
        f"--rootdir={tmp_path}",
        *plugins,
        str(tmp_path),
    )
    assert (
        "this test starts the engine: mark it with pytest.mark.engine"
        in done.stdout
    )
    assert "1 failed, 1 passed" in done.stdout


def test_every_night_everything_is_run() -> None:
    """The scheduled workflow runs them, with a limit above their sixty minutes."""
    workflow = yaml.safe_load(
        (ROOT / ".github/workflows/nightly.yaml").read_text("utf-8")
    )
    (job,) = workflow["jobs"].values()
    *_, step, faults = (step for step in job["steps"] if "run" in step)
    assert faults == {"run": "make test-faults", "if": "${{ !cancelled() }}"}
    assert step["run"] == "make test-all"
    assert step["env"]["SEED"] == "${{ github.run_number }}", (
        "each night asks what no night before has asked"
    )
    assert 60 < job["timeout-minutes"] <= 120
    assert workflow["permissions"] == {"contents": "read"}
