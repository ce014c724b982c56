"""The command line accepts each command that a message or a help text names."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator

import pytest

from kong_oam.__main__ import _parser
from kong_oam.cli.console import MODULE
from tests.support.repository import ROOT

SOURCES = [
    file
    for part in ("kong_oam", "components", "policies")
    for file in sorted((ROOT / part).rglob("*.py"))
]
FILLED = "filled"
"""Stands for the values in a message."""

_COMMAND = re.compile(rf"{MODULE} ((?:(?!  |[`\n|&;>#)]).)+)")


def commands(source: str) -> Iterator[str]:
    """Return the commands in texts of a module without docstrings, with their optional parts."""
    if "python -m" not in source:  # Parsing is slow.
        return
    tree = ast.parse(source)
    docstrings = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)
    }
    parts = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in node.values
    }
    for node in ast.walk(tree):
        if id(node) not in docstrings | parts:
            text = re.sub(r"\\\n\s*", "", _text(node))
            yield from (
                re.sub(r"[\[\]]", "", found) for found in _COMMAND.findall(text)
            )


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_text, node.values))
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return FILLED if isinstance(node, ast.FormattedValue) else ""


NAMED = sorted(
    {
        command
        for file in SOURCES
        for command in commands(file.read_text("utf-8"))
    }
    - {FILLED}
)


def test_commands_are_found_in_any_form() -> None:
    """In backquotes, at an end, over two lines, with values; never in a docstring."""
    source = (
        '"""`python -m kong_oam no`"""\n'
        "a = f'see `python -m kong_oam recover -s {stack} --remove`.'\n"
        "b = 'then: python -m kong_oam check'\n"
        "c = '''\n  python -m kong_oam emergency [-s X]   lists\n  python -m kong_oam new \\\\\n     --app y | less'''\n"
    )
    assert {*commands(source)} == {
        "recover -s filled --remove",
        "check",
        "emergency -s X",
        "new --app y ",
    }


@pytest.mark.parametrize("command", NAMED)
def test_the_command_line_accepts_it(command: str) -> None:
    """With its required options."""
    words = shlex.split(command)
    if words[-1] == "--":
        # Another text names the command after it.
        words.append("true")
    _parser().parse_args(words)


def test_the_commands_of_messages_are_among_them() -> None:
    """So that the search misses none."""
    expected = {
        "recover -s filled --remove",
        "recover -s filled",
        "emergency -s filled close",
    }
    assert expected <= {*NAMED}
