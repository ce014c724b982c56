"""The tree of errors, and its drawing in `kong_oam.errors`."""

from __future__ import annotations

import ast
import builtins
import importlib
import re
from collections.abc import Iterator

from kong_oam import errors
from tests.support.repository import ROOT

BUILT_IN = {
    name
    for name, item in vars(builtins).items()
    if isinstance(item, type) and issubclass(item, BaseException)
}


def _classes() -> Iterator[tuple[str, str, list[str]]]:
    """Yield each derived class of the project: its module, its name, and the last words of its bases."""
    for room in ("kong_oam", "components", "policies"):
        for file in (ROOT / room).rglob("*.py"):
            module = ".".join(
                file.relative_to(ROOT).with_suffix("").parts
            ).removesuffix(".__init__")
            for node in ast.parse(file.read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef) and node.bases:
                    yield (
                        module,
                        node.name,
                        [
                            ast.unparse(base).rpartition(".")[2]
                            for base in node.bases
                        ],
                    )


CLASSES = [*_classes()]


def _below(name: str) -> set[str]:
    children = {child for _, child, bases in CLASSES if name in bases}
    return children | {
        descendant for child in children for descendant in _below(child)
    }


def test_every_error_is_of_the_one_tree() -> None:
    """Only the root derives from a built-in error, so `except ValueError` never catches an error of the tree."""
    tree = _below("KongOamError")
    assert {name for _, name, bases in CLASSES if BUILT_IN & {*bases}} == {
        "KongOamError"
    }
    assert {
        name for _, name, _ in CLASSES if re.search(r"(Error|Exception)$", name)
    } <= tree | {"KongOamError"}
    for module, name, bases in CLASSES:
        assert name not in tree or len(bases) == 1, (module, name)


def test_every_name_says_that_it_is_an_error() -> None:
    assert [
        name for name in _below("KongOamError") if not name.endswith("Error")
    ] == []


def test_the_class_has_the_exit_status() -> None:
    """The status is 1 if a review finds nothing to compare, and 2 otherwise."""
    tree = _below("KongOamError")
    status = {
        name: getattr(importlib.import_module(module), name).exit_code
        for module, name, _ in CLASSES
        if name in tree
    }
    assert status == dict.fromkeys(tree, 2) | {"ReviewError": 1}


def test_the_drawing_is_that_of_the_tree() -> None:
    """The drawing explains families, and names the module of each member."""
    drawn: dict[str, tuple[str, str]] = {}
    above = {4: "KongOamError"}  # by how far a name is indented
    for indent, name, family, module in re.findall(
        r"^( {8,})(\w+)(?:: (.*)| in (\S+))?\.$",
        errors.__doc__ or "",
        re.MULTILINE,
    ):
        above[len(indent)] = name
        drawn[name] = above[len(indent) - 4], module or "errors"
        if family:
            assert (getattr(errors, name).__doc__ or "").partition(".")[
                0
            ].casefold() == family.casefold()
    made = {
        name: (bases[0], module.removeprefix("kong_oam."))
        for module, name, bases in CLASSES
        if name in _below("KongOamError") and not name.startswith("_")
    }
    assert drawn == made
