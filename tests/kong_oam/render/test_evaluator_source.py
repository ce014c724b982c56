"""The evaluator's source in Go."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests.support.repository import ROOT

SOURCE = ROOT / "evaluator"


@pytest.mark.skipif(shutil.which("gofmt") is None, reason="no Go on PATH")
def test_the_source_is_in_gos_own_form() -> None:
    """`gofmt -l` lists files with another format."""
    done = subprocess.run(
        ["gofmt", "-l", "."], cwd=SOURCE, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_no_file_and_no_function_is_long() -> None:
    """As in Python: 400 lines per file, 50 per function, 120 characters per line."""
    for file in SOURCE.glob("*.go"):
        lines = file.read_text("utf-8").split("\n")
        starts = [
            number
            for number, line in enumerate(lines)
            if line.startswith("func ")
        ]
        ends = [number for number, line in enumerate(lines) if line == "}"]
        assert len(lines) <= 400 and max(map(len, lines)) <= 120, file
        for start in starts:
            assert (
                min((end for end in ends if end >= start), default=start)
                - start
                <= 50
            ), (
                file,
                start + 1,
            )


def test_whatever_runs_tests_builds_it_first() -> None:
    """On a slow machine, a test that builds it would exceed its time limit."""
    rules = re.findall(
        r"^(test[a-z-]*): (.*?) ##",
        (SOURCE.parent / "Makefile").read_text("utf-8"),
        re.MULTILINE,
    )
    assert {"test-fast", "test", "test-all"} <= {target for target, _ in rules}
    assert [
        target for target, needs in rules if "evaluator" not in needs.split()
    ] == ["test-live"]
