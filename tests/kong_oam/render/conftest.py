"""One evaluator for all tests of a module, and the built-in definitions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from kong_oam.oam.definitions.definition import Definition
from kong_oam.render.built_in import built_in_definitions
from kong_oam.render.evaluator import Evaluator
from tests.support.built_ins import kubevelas
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


@pytest.fixture
def theirs() -> Mapping[str, Definition]:
    """KubeVela's definitions by name."""
    need_corpus()
    return kubevelas()
