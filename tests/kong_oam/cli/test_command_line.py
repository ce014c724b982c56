"""The frame of `python -m kong_oam`: verbs, exit statuses, JSON, colours."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kong_oam.__main__ import COMMANDS, main
from kong_oam.cli.console import Console

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_verb_has_help_with_an_example(
    command, capsys: pytest.CaptureFixture[str]
) -> None:
    """And takes --json, where it says so."""
    with pytest.raises(SystemExit) as ended:
        main([command.name, "--help"])
    printed = capsys.readouterr().out
    assert ended.value.code == 0
    assert f"python -m kong_oam {command.name}" in printed.split("\n\n", 1)[1]
    assert ("--json" in printed) == command.json
    positional = printed.partition("positional arguments:\n")[2].partition(
        "\n\n"
    )[0]
    assert all(len(line.split()) > 1 for line in positional.splitlines()), (
        "each says what it is"
    )


def test_help_lists_the_verbs_and_the_exit_statuses(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In a line each."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    printed = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(
        f"    {command.name}" in printed and command.summary in printed
        for command in COMMANDS
    )
    assert "Exit status: 0 nothing to report, 1 findings" in printed


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["check", "--nonsense"],
        ["matrix", "--from", "999.1.1.1"],
        ["matrix", "--from", ""],
    ],
)
def test_wrong_usage_is_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """With the usage on standard error."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: python -m kong_oam")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["chek"], "; did you mean 'check'?"),
        (["matrix", "--format", "htm"], "; did you mean 'html'?"),
        (["xyzzy"], ")"),
    ],
)
def test_a_word_that_is_nearly_another_is_told(
    arguments: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Behind all that there are; where none is near, nothing."""
    with pytest.raises(SystemExit):
        main(arguments)
    assert capsys.readouterr().err.endswith(f"{hint}\n")


def test_a_reader_that_leaves_early_is_no_traceback() -> None:
    """As with `| head`."""
    reading, writing = os.pipe()
    os.close(reading)
    arguments = [sys.executable, "-m", "kong_oam", "check"]
    ran = subprocess.run(
        arguments, cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, timeout=60
    )
    os.close(writing)
    assert ran.stderr == b""


def test_tables_align_their_columns() -> None:
    """But for the last, which may be long; nothing trails."""
    out = io.StringIO()
    Console(out).print_table(
        ("a", "b", "c"), [("long", "x", "y z"), ("s", "", "")]
    )
    assert out.getvalue() == "a     b  c\nlong  x  y z\ns\n"


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("/opt/venv/bin/kong-oam", "kong-oam"),
        ("kong_oam/__main__.py", "python -m kong_oam"),
    ],
)
def test_the_command_is_called_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    called: str,
    name: str,
) -> None:
    """In usage, examples and advice: what they say can be typed where it is installed, and in a clone."""
    monkeypatch.setattr(sys, "argv", [called])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["who", "--help"])
    printed = capsys.readouterr().out
    assert printed.startswith(f"usage: {name} who")
    assert f"  {name} who GET https://" in printed
    (tmp_path / "none.yaml").touch()
    assert main(["check", "none.yaml"]) == 2
    assert (
        capsys.readouterr().err
        == f"no Application is in 'none.yaml'; `{name} new` writes one\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["who", "GET", "--stack", "local", "https://orders.example.com/orders"],
        ["who", "--stack", "local", "GET", "https://orders.example.com/orders"],
        ["who", "GET", "https://orders.example.com/orders", "--stack", "local"],
        ["diff", "stack:local", "--stack", "aws", "stack:local"],
    ],
)
def test_options_stand_anywhere(arguments: list[str]) -> None:
    """Between what a verb is asked for as well, where some of it may be left out."""
    assert main(arguments) == 0
