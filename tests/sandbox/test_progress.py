"""What a step or a wait says of itself."""

from __future__ import annotations

import io
import re
import time

import pytest

from sandbox import progress


class Terminal(io.StringIO):
    """Standard error where somebody looks at it."""

    def isatty(self) -> bool:
        return True


def test_a_log_has_a_line_every_so_often(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With the seconds, and with what it is at by then."""
    monkeypatch.setattr(progress, "_NOW_AND_THEN", 0.05)
    at = iter(range(1, 1000))
    with progress.shown(lambda: f"{next(at)} of 1,000"):
        time.sleep(0.3)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) >= 2
    assert [re.fullmatch(r"     0 s  (\d+) of 1,000", line)[1] for line in lines] == [
        *map(str, range(1, len(lines) + 1))
    ]  # type: ignore[index]


def test_a_log_has_nothing_of_what_is_soon_over(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.shown(lambda: "never seen"):
        pass
    assert capsys.readouterr().err == ""


def test_a_terminal_has_one_line_which_is_gone_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """As wide as the terminal at most: a second line would stay. Also where the block fails."""
    monkeypatch.setattr(progress, "_OFTEN", 0.02)
    monkeypatch.setenv("COLUMNS", "20")
    terminal = Terminal()
    monkeypatch.setattr(progress.sys, "stderr", terminal)
    with pytest.raises(ValueError, match="ends"), progress.shown(lambda: "at a package with a long name"):
        time.sleep(0.2)
        raise ValueError("ends")
    *lines, last = terminal.getvalue().split("\r\033[K")
    assert set(lines) == {"", "     0 s  at a pack"} and last == ""
