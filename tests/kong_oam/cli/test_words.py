"""Operands that stand behind the paths of an option."""

from __future__ import annotations

from pathlib import Path

import pytest

from kong_oam.__main__ import main
from kong_oam.cli.words import operands_first

ROOT = Path(__file__).resolve().parents[3]
SALES = "http://orders.example.com/orders"


@pytest.mark.parametrize(
    ("words", "parsed"),
    [
        ("-f a.yaml v1 v2", "v1 v2 -f a.yaml"),
        ("--exit-code v1 -f a.yaml v2", "--exit-code v1 v2 -f a.yaml"),
        ("-f a.yaml -f b/*.cue v1 v2", "v1 v2 -f a.yaml -f b/*.cue"),
        ("-f a.yaml --stack x --definitions d v1", "-f a.yaml --stack x v1 --definitions d"),
        ("-f docs tests v1 docs --json", "v1 docs -f docs tests --json"),
        ("-f nowhere", "-f nowhere"),
        ("-f", "-f"),
        ("v1 --user-in sales desk", "v1 --user-in sales desk"),
        ("-f a.yaml -- -f b v1", "-f a.yaml -- -f b v1"),
        ("v1 v2", "v1 v2"),
        ("", ""),
    ],
)
def test_words_behind_paths_that_are_none_are_operands(
    words: str, parsed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order in which they stand."""
    monkeypatch.chdir(ROOT)
    assert operands_first(words.split(), {"-f", "--definitions"}) == parsed.split()


@pytest.mark.parametrize(
    "words",
    [
        f"explain -f applications GET {SALES} --as shop/web --user-in sales",
        f"who --definitions definitions -f applications GET {SALES}",
        "who -f applications orders/api",
        "what -f applications shop/web",
    ],
)
def test_every_question_may_end_with_what_it_is_about(
    words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(words.split()) == 0
    assert "shop/web" in capsys.readouterr().out
