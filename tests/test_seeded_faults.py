"""The faults in `tests/support/seeded/patches`, which `make test-faults` seeds every night: they fit, and name tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.seeded import __main__ as command
from tests.support.seeded import faults
from tests.support.seeded.faults import ROOT, Fault, Outcome, all_faults, applies

FAULTS = all_faults()


def test_every_fault_fits_the_project() -> None:
    """Whoever changes the lines of a patch makes it anew: a fault that is gone proves nothing."""
    assert [fault.name for fault in FAULTS if not applies(fault, ROOT)] == []
    assert len(FAULTS) >= 60


def test_every_fault_names_tests_that_are_there() -> None:
    """A file, or a test of it."""
    for test in sorted({test for fault in FAULTS for test in fault.tests}):
        file, _, name = test.partition("::")
        text = (ROOT / file).read_text("utf-8")
        assert not name or re.search(rf"^def {name}\(", text, re.MULTILINE), test


@pytest.mark.parametrize(
    ("outcome", "status", "says"),
    [
        (Outcome(1, ("tests/a.py::test_b",)), 0, "one: caught by tests/a.py::test_b\n1 of 1 faults were caught\n"),
        (Outcome(0, ()), 1, "one: NOT caught (pytest: 0)\n0 of 1 faults were caught\n"),
        (Outcome(2, ()), 1, "one: NOT caught (pytest: 2)\n0 of 1 faults were caught\n"),
        (Outcome(None, ()), 1, "one: NOT caught (pytest: None)\n0 of 1 faults were caught\n"),
    ],
    ids=["fails", "passes", "cannot be run", "takes too long"],
)
def test_only_a_test_that_fails_catches_a_fault(
    outcome: Outcome, status: int, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And only where it passes without the fault."""
    outcomes = [Outcome(0, ()), outcome]
    monkeypatch.setattr(command, "run", lambda tests, folder: outcomes.pop(0))
    for name in ("copy_tree", "seed", "mend"):
        monkeypatch.setattr(command, name, lambda *arguments: None)
    monkeypatch.setattr(command, "applies", lambda *arguments: True)
    monkeypatch.setattr(command, "all_faults", lambda: [Fault(Path("one.patch"), ("tests/a.py::test_b",))])
    assert (command.main([]), capsys.readouterr().out) == (status, says)


def test_nothing_is_caught_where_tests_fail_without_a_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They would fail with it all the same."""
    monkeypatch.setattr(command, "run", lambda tests, folder: Outcome(1, ("tests/a.py::test_b",)))
    monkeypatch.setattr(command, "copy_tree", lambda folder: None)
    assert command.main([]) == 1
    assert capsys.readouterr().out == "Without a fault the tests do not pass (pytest: 1): tests/a.py::test_b\n"


def test_a_patch_that_names_no_tests_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.patch").write_text("--- a/x\n+++ b/x\n", "utf-8")
    monkeypatch.setattr(faults, "PATCHES", tmp_path)
    with pytest.raises(ValueError, match=r"one\.patch: the first line does not name tests"):
        all_faults()
