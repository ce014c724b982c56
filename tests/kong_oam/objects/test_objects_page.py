"""The page about objects: its table is the code's, and its example is said what it shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from kong_oam.__main__ import main
from kong_oam.objects.known_kinds import USUAL
from tests.support.documentation import block, page, shown, table

PAGE = "reference/objects.md"


def test_every_usual_kind_is_documented() -> None:
    rows = [
        row.strip("| ").split(" | ")
        for row in table(page(PAGE), "| group | kinds that every stack takes |")
    ]
    found = {
        ("" if group == "core" else group, kind)
        for group, kinds in rows
        for kind in kinds.split(", ")
    }
    assert found == USUAL


def test_the_example_is_refused_as_shown(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments, lines = shown(page(PAGE), "check")
    path = tmp_path / arguments[-1]
    path.parent.mkdir()
    path.write_text(block(page(PAGE), "yaml"), "utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    assert [
        line.rstrip() for line in capsys.readouterr().out.splitlines()
    ] == lines
