"""Messages stay short, however many names there are: they list some, and say how many more."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from kong_oam.diagnostics import some
from tests.support.repository import ROOT

SOURCES = sorted(
    file
    for folder in ("kong_oam", "components")
    for file in (ROOT / folder).rglob("*.py")
)


@pytest.mark.parametrize("joint", [", ", " -> "])
@pytest.mark.parametrize("length", [1, 20, 63, 127, 300])
@pytest.mark.parametrize("count", [1, 2, 5, 6, 1000])
def test_some_of_a_list_are_short_and_say_how_many_are_left_out(
    count: int, length: int, joint: str
) -> None:
    """Names have any length. A few short names are complete, and the first name is whole."""
    words = [str(number % 10) * length for number in range(count)]
    text = some(words, joint)
    assert len(text) <= max(length, 120) + len(" and 1000 more")
    shown, _, more = (
        text.rpartition(" and ")
        if text.endswith(" more")
        else (text, "", "0 more")
    )
    assert shown.split(joint) == words[: len(shown.split(joint))]
    assert len(shown.split(joint)) + int(more.removesuffix(" more")) == count
    if count <= 5 and length <= 20:
        assert text == joint.join(words)


def test_nothing_of_an_empty_list() -> None:
    assert some([]) == ""


def test_no_message_of_a_finding_or_an_error_joins_a_list() -> None:
    """It lists some of it. Tuples of the code's own, whose names are in capitals, have as many names as they have."""
    found = [
        f"{file.relative_to(ROOT)}:{call.lineno}"
        for file in SOURCES
        for call in _joins_in_messages(ast.parse(file.read_text("utf-8")))
    ]
    assert found == []


def _joins_in_messages(tree: ast.AST) -> Iterator[ast.Call]:
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        nodes = list(ast.walk(function))
        named: dict[str, ast.expr] = {}
        for node in nodes:
            if isinstance(node, ast.Assign) and isinstance(
                node.targets[0], ast.Name
            ):
                named[node.targets[0].id] = node.value
        for node in nodes:
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                node = node.exc
            elif not isinstance(node, ast.Call) or not any(
                map(_is_code, node.args)
            ):
                continue
            for argument in node.args:
                yield from _joins(argument, named, set())


def _is_code(argument: ast.expr) -> bool:
    """Whether it is the code of a finding, which stands before its message."""
    return (
        isinstance(argument, ast.Constant)
        and re.fullmatch(r"[A-Z]{3,4}\d{3}", str(argument.value)) is not None
    )


def _joins(
    message: ast.expr, named: dict[str, ast.expr], seen: set[str]
) -> Iterator[ast.Call]:
    """The calls of `join` in an expression, and in those that the names in it stand for."""
    for node in ast.walk(message):
        if (
            isinstance(node, ast.Name)
            and node.id in named
            and node.id not in seen
        ):
            yield from _joins(named[node.id], named, {*seen, node.id})
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "join"
        ):
            joint = (
                node.func.value.value
                if isinstance(node.func.value, ast.Constant)
                else ""
            )
            # Parts of a path, lines and words of a text have none such between them.
            is_list = bool(str(joint).strip()) and " " in str(joint)
            if is_list and not (
                isinstance(node.args[0], ast.Name) and node.args[0].id.isupper()
            ):
                yield node
