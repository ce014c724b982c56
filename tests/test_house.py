"""Check the places of files, their lengths, and the imports of tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ROOT = TESTS.parent
FILES = sorted(TESTS.rglob("*.py"))


def is_test(file: Path) -> bool:
    """Return whether pytest collects the file, or reads fixtures from it."""
    return file.name.startswith("test_") or file.name == "conftest.py"


def imported(text: str, package: str) -> Iterator[str]:
    """Yield all names that a module of the package may import, in functions too: each name could be
    a module."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = (
                package.split(".")[: len(package.split(".")) - node.level + 1]
                if node.level
                else []
            )
            module = ".".join([*parents, *filter(None, [node.module])])
            yield module
            yield from (f"{module}.{name.name}" for name in node.names)


def named(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts)


def test_no_test_is_imported() -> None:
    """Neither test modules nor a conftest are imported: shared code is in `tests/support`."""
    tests = {named(file) for file in FILES if is_test(file)}
    found = {
        str(file.relative_to(ROOT)): sorted(
            tests.intersection(
                imported(file.read_text("utf-8"), named(file.parent))
            )
        )
        for file in FILES
    }
    assert {file: modules for file, modules in found.items() if modules} == {}


def test_helpers_of_tests_are_in_support() -> None:
    """Support has no tests, and each of its modules begins with a docstring."""
    support = TESTS / "support"
    assert [
        str(file)
        for file in FILES
        if is_test(file) == (support in file.parents)
    ] == []
    silent = [
        str(file)
        for file in FILES
        if support in file.parents
        and not ast.get_docstring(ast.parse(file.read_text()))
    ]
    assert silent == []


@pytest.mark.parametrize("package", ["kong_oam", "components"])
def test_the_folders_of_tests_are_those_of_the_code(package: str) -> None:
    """Each folder of tests belongs to a folder, or to a module that needs several test files."""
    folders = [
        path.relative_to(TESTS)
        for path in {file.parent for file in (TESTS / package).rglob("*.py")}
    ]
    assert folders
    missing = [
        str(path)
        for path in folders
        if not (ROOT / path).is_dir() and not (ROOT / f"{path}.py").is_file()
    ]
    assert missing == []
