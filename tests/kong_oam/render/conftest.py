"""One evaluator for all tests of a module, and our definitions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from kong_oam.__main__ import main
from kong_oam.oam.definitions.definition import Definition, Definitions
from kong_oam.render.built_in import built_in_definitions
from kong_oam.render.cache import Cache
from kong_oam.render.definition_files import read_definition_file
from kong_oam.render.evaluator import Evaluator
from kong_oam.render.tools import Tools
from tests.support.built_ins import kubevelas
from tests.support.custom_types import Counting
from tests.support.oam_corpus import need_corpus


@pytest.fixture(scope="module")
def evaluator() -> Iterator[Evaluator]:
    with Evaluator() as made:
        yield made


@pytest.fixture(scope="module")
def ours(evaluator: Evaluator) -> Mapping[str, Definition]:
    """Our definitions by name."""
    return {
        definition.name: definition
        for definition in built_in_definitions(evaluator.ask)
    }


@pytest.fixture(scope="module")
def addons(
    evaluator: Evaluator, tmp_path_factory: pytest.TempPathFactory
) -> Definitions:
    """The definitions that `init --with` writes."""
    folder = tmp_path_factory.mktemp("platform")
    main(["init", str(folder), "--with", "fluxcd", "--with", "terraform"])
    found: Definitions = ()
    for file in sorted(folder.glob("definitions/*")):
        reading = read_definition_file(file, file.name, evaluator.ask)
        found += reading.definitions
    return found


@pytest.fixture
def theirs() -> Mapping[str, Definition]:
    """KubeVela's definitions by name."""
    need_corpus()
    return kubevelas()


@pytest.fixture
def tools(tmp_path: Path) -> Iterator[Tools]:
    """With an evaluator that counts, and its own cache."""
    with Tools(Counting(), Cache(tmp_path / "cache", "1")) as made:
        yield made
