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
from tests.support.cli import Cli
from tests.support.repository import ROOT
from tests.support.streams import Capsys


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_verb_has_help_with_an_example(command, capsys: Capsys) -> None:
    """Each verb with JSON has --json. `schema` describes it."""
    with pytest.raises(SystemExit) as ended:
        main([command.name, "--help"])
    printed = capsys.readouterr().out
    assert ended.value.code == 0
    assert f"python -m kong_oam {command.name}" in printed.split("\n\n", 1)[1]
    has_json = command.answer is not None
    assert ("\n  --json " in printed) == has_json
    positional = printed.partition("positional arguments:\n")[2].partition(
        "\n\n"
    )[0]
    assert all(len(line.split()) > 1 for line in positional.splitlines()), (
        "each says what it is"
    )


def test_help_lists_the_verbs_and_the_exit_statuses(
    capsys: Capsys,
) -> None:
    """Each verb on a line."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    printed = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(
        f"    {command.name}" in printed and command.summary in printed
        for command in COMMANDS
    )
    assert "Exit status: 0 nothing to report; 1 findings" in printed


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
def test_wrong_usage_is_2(arguments: list[str], capsys: Capsys) -> None:
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
def test_a_similar_word_is_suggested(
    arguments: list[str], hint: str, capsys: Capsys
) -> None:
    """After the list of all words. Without a similar word, there is no suggestion."""
    with pytest.raises(SystemExit):
        main(arguments)
    assert capsys.readouterr().err.endswith(f"{hint}\n")


def test_a_closed_pipe_causes_no_traceback() -> None:
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
    """Except for the last column, which may be long. No line has trailing spaces."""
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
def test_texts_use_the_name_with_which_the_command_was_called(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: Capsys,
    cli: Cli,
    called: str,
    name: str,
) -> None:
    """In usage, examples and remedies, so that users can paste them, in a clone and after an
    installation."""
    monkeypatch.setattr(sys, "argv", [called])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["who", "--help"])
    printed = capsys.readouterr().out
    assert printed.startswith(f"usage: {name} who")
    assert f"  {name} who GET https://" in printed
    (tmp_path / "none.yaml").touch()
    assert (
        cli.error("check", "none.yaml")
        == f"no Application in 'none.yaml': check the path, or write an Application with `{name} new`\n"
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
def test_options_may_be_at_any_position(arguments: list[str]) -> None:
    """Also between operands, if some operands are optional."""
    assert main(arguments) == 0
