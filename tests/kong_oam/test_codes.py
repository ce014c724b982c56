"""Codes: one table of all codes in use, and packages that know only their own codes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kong_oam.codes import CODES, HUNDREDS, joined_codes
from kong_oam.diagnostics import Code
from tests.support.repository import ROOT

SOURCES = [
    file
    for room in ("kong_oam", "components", "policies")
    for file in (ROOT / room).rglob("*.py")
]
CODE = re.compile(rf"\b(?:{'|'.join(HUNDREDS)})\d+\b")
PRODUCTS = (
    "kong_oam.codes",
    "kong_oam.identity",
    "kong_oam.kong",
    "kong_oam.kubernetes",
)


def _found_by(file: Path) -> Iterator[str]:
    """Return the codes that a file uses for findings, without the keys of the table."""
    tree = ast.parse(file.read_text("utf-8"))
    keys = {
        id(key)
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key in node.keys
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in keys
        ):
            yield from [node.value] if CODE.fullmatch(node.value) else []


def test_the_table_has_every_code_that_the_code_names() -> None:
    """Codes in messages, comments and definitions are checked, too."""
    files = [
        *SOURCES,
        *(ROOT / "definitions").glob("**/*.*"),
        *(ROOT / ".github").rglob("*.yaml"),
    ]
    named = {
        code for file in files for code in CODE.findall(file.read_text("utf-8"))
    }
    assert named == CODES.keys()


def test_something_finds_every_code_of_the_table() -> None:
    """The table has no code for a removed check."""
    assert {
        code for file in SOURCES for code in _found_by(file)
    } == CODES.keys()


def test_every_prefix_has_a_hundred_of_its_own() -> None:
    """The table is sorted by number, across packages."""
    assert len(set(HUNDREDS.values())) == len(HUNDREDS)
    numbers = [int(code[-3:]) for code in CODES]
    assert numbers == sorted(set(numbers))
    assert {(code[:-3], int(code[-3])) for code in CODES} == set(
        HUNDREDS.items()
    )


@pytest.mark.parametrize(
    "other",
    [
        {"OAM101": Code("x", "y")},
        {"ACC301": Code("x", "y")},
        {"OAM1101": Code("x", "y")},
    ],
)
def test_a_code_that_is_taken_or_of_another_hundred_is_no_table(
    other: dict[str, Code],
) -> None:
    """The error occurs when the table is made."""
    joined_codes({"OAM101": Code("a", "b")}, {"ACC201": Code("a", "b")})
    with pytest.raises(AssertionError):
        joined_codes({"OAM101": Code("a", "b")}, other)


@pytest.mark.parametrize("room", ["oam", "access"])
def test_a_room_without_products_imports_no_code_of_one(room: str) -> None:
    """They do not import the whole table either: Applications are checked before any product is
    reached."""
    for file in (ROOT / "kong_oam" / room).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = (
                [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            )
            names += (
                [name.name for name in node.names]
                if isinstance(node, ast.Import)
                else []
            )
            assert not [name for name in names if name.startswith(PRODUCTS)], (
                file
            )
