"""The built-in definitions are complete files in the format of `vela def`, with our own texts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from kong_oam.oam.definitions.library import library
from kong_oam.render.built_in import built_in_definitions, built_in_types
from kong_oam.render.cache import Cache
from kong_oam.render.definition_files import read_definition_file
from kong_oam.render.evaluator import Evaluator
from kong_oam.render.program import EvaluatorError
from kong_oam.render.tools import Tools
from tests.support.built_ins import OURS
from tests.support.oam_corpus import CORPUS, need_corpus

FILES = sorted(OURS.glob("*.cue"))
REFUSED_BY_SCHEMAS = ("list.MinItems", "list.MaxItems", "[_, ...]")
"""Constructs of CUE that OpenAPI lacks. KubeVela converts each parameter to OpenAPI on
installation."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_a_definition_of_its_name(
    path: Path, evaluator: Evaluator
) -> None:
    """With the fields of `vela def`, and independent of other files."""
    (definition,) = read_definition_file(
        path, str(path), evaluator.ask
    ).definitions
    assert (
        definition.kind,
        definition.name,
    ) in built_in_types() and definition.name == path.stem
    about = evaluator.ask({"file": path.name, "text": path.read_text("utf-8")})[
        "definition"
    ]["about"]
    assert {*about} == {
        "type",
        "description",
        "annotations",
        "labels",
        "attributes",
    } and about["description"]
    assert not [
        text for text in REFUSED_BY_SCHEMAS if text in definition.template
    ]


def test_types_are_known_without_an_evaluator(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    """One file for each; read once."""
    assert sorted(name for _, name in built_in_types()) == sorted(
        path.stem for path in FILES
    )
    assert {kind for kind, _ in built_in_types()} == {
        "component",
        "trait",
        "policy",
    }
    read = Tools(evaluator, Cache(tmp_path, "1")).built_in
    assert not library(read).diagnostics
    unused = Evaluator(find=lambda: pytest.fail("nothing has to be evaluated"))
    assert Tools(unused, Cache(tmp_path, "1")).built_in == read


def test_where_something_ends_the_evaluator_it_says_what_to_do() -> None:
    """In one line."""
    with (
        Evaluator(find=lambda: Path("/bin/false")) as ended,
        pytest.raises(EvaluatorError, match="run the command again: ") as it,
    ):
        built_in_definitions(ended.ask)
    assert str(it.value).count("\n") == 0


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_property_is_explained(path: Path) -> None:
    """A usage comment precedes each field of `parameter`."""
    lines = path.read_text("utf-8").splitlines()
    start = next(
        number
        for number, line in enumerate(lines)
        if line.startswith("\tparameter:")
    )
    for number in range(
        start + 1,
        lines.index("\t}", start) if lines[start].endswith("{") else start,
    ):
        if re.match(r"\t\t\w+\??:", lines[number]):
            above = number
            while lines[above - 1].startswith("\t\t//"):
                above -= 1
            assert any(
                "+usage=" in comment for comment in lines[above:number]
            ), lines[number]


def test_it_is_said_in_our_own_words() -> None:
    """No usage and no description equals KubeVela's."""
    need_corpus()
    theirs = _said(
        path
        for folder in ("builtin", "deprecated")
        for path in (CORPUS / folder).glob("*.yaml")
    )
    assert theirs and theirs.isdisjoint(_said(FILES))


def _said(paths: Iterable[Path]) -> set[str]:
    texts = (path.read_text("utf-8") for path in paths)
    found = (
        re.findall(
            r"\+usage=(.*)|description: *\"?(.*?)\"?$", text, re.MULTILINE
        )
        for text in texts
    )
    return {
        pair or other
        for pairs in found
        for pair, other in pairs
        if pair or other
    }
