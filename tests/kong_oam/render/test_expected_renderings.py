"""KubeVela's offline renderings of real Applications, object by object."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest

from kong_oam.oam.definitions.definition import Definition, Definitions
from kong_oam.render.answers import Answer
from kong_oam.render.evaluator import Evaluator
from kong_oam.render.rendering import definitions_of, render
from tests.support.oam_corpus import (
    corpus,
    deployments,
    documents,
    library_of,
    need_corpus,
    setting_of,
)

DIFFERENT = {
    "kubevela-kubevela__pkg_appfile_dryrun_testdata_testing-dry-run-4.yaml__0.yaml": (
        "has an object of a custom PolicyDefinition, and policies are not rendered"
    ),
}
"""Renderings that differ from KubeVela's, with the reasons."""

UNKNOWN_PROPERTIES = {
    "kubevela-kubevela.github.io__docs_case-studies_initialize-env.md__1.yaml": "name",
    "kubevela-kubevela.github.io__docs_reference_addons_fluxcd.md__5.yaml": "provider",
    "kubevela-kubevela__docs_examples_advanced-cue_app2.yaml__0.yaml": "http",
    "kubevela-kubevela__docs_examples_advanced-cue_app3.yaml__0.yaml": "command",
    "kubevela-kubevela__docs_examples_traits_control-plane-only-usecase_app-with-control-plane-only-usecase.yaml__0.yaml": (
        "cpuPercent, mem"
    ),
    "kubevela-kubevela__pkg_appfile_dryrun_testdata_diff-input-app-nochange.yaml__0.yaml": "enemies, lives",
    "kubevela-kubevela__pkg_appfile_dryrun_testdata_diff-input-app-onlymodif.yaml__0.yaml": "enemies, lives",
    "kubevela-kubevela__pkg_appfile_dryrun_testdata_diff-input-app-onlyremove.yaml__0.yaml": "enemies, lives",
}
"""Documents with an unknown property. KubeVela ignores it, and this project rejects it: a typing
error, or a property of another version."""


def _without_empty_annotations(item: Any) -> Any:
    """Without empty annotations, which KubeVela writes, and with JSON numbers."""
    item = json.loads(json.dumps(item))
    if not item["metadata"].get("annotations"):
        item["metadata"].pop("annotations", None)
    return item


class Unchecked(Evaluator):
    """An evaluator that accepts unknown properties, like KubeVela offline."""

    def ask(self, request: Mapping[str, Any]) -> Answer:
        return super().ask({**request, "unchecked": True})


@pytest.fixture(scope="module")
def unchecked() -> Iterator[Unchecked]:
    with Unchecked() as made:
        yield made


def _rendered(
    file: str, evaluator: Evaluator, built_in: Iterable[Definition] = ()
) -> tuple[list[Any], list[str]]:
    (document,) = documents(f"applications/{file}")
    objects, findings, stack = [], [], library_of(file, built_in)
    for application in deployments(document):
        for component in application.components:
            definitions = definitions_of(component, stack)
            made = render(
                definitions,
                application,
                component,
                evaluator.ask,
                setting_of(document),
            )
            objects += [
                _without_empty_annotations(rendered_object.object)
                for rendered_object in made.objects
            ]
            findings += [str(finding) for finding in made.diagnostics]
    return objects, findings


@pytest.mark.parametrize("of", ["KubeVela's", "ours"])
@pytest.mark.parametrize("file", corpus("expected"))
def test_a_rendering_is_kubevelas(
    file: str,
    of: str,
    unchecked: Unchecked,
    ours: Mapping[str, Definition],
    addons: Definitions,
) -> None:
    """Every object in order, with its name, labels and annotations; by KubeVela's definitions and
    by ours."""
    objects, findings = _rendered(
        file, unchecked, (*ours.values(), *addons) if of == "ours" else ()
    )
    expected = [
        _without_empty_annotations(document.data)
        for document in documents(f"expected/{file}")
    ]
    if of == "ours":
        # Our definitions write newer versions of Flux than KubeVela's addon.
        text = json.dumps(expected).replace("fluxcd.io/v2beta1", "fluxcd.io/v2")
        expected = json.loads(text.replace("fluxcd.io/v1beta2", "fluxcd.io/v1"))
    assert (objects == expected) is (file not in DIFFERENT), findings


@pytest.mark.parametrize("file", corpus("expected"))
def test_properties_that_a_definition_does_not_know_are_refused(
    file: str, evaluator: Evaluator
) -> None:
    """Only in these documents: all other properties are accepted."""
    _, findings = _rendered(file, evaluator)
    unknown = {
        finding.partition("unknown field '")[2].partition("'")[0]
        for finding in findings
    }
    assert ", ".join(sorted(filter(None, unknown))) == UNKNOWN_PROPERTIES.get(
        file, ""
    ), findings


def test_at_least_198_of_202_are_equal() -> None:
    """The list of differences names only existing files."""
    need_corpus()
    assert {*DIFFERENT, *UNKNOWN_PROPERTIES} <= {*corpus("expected")}
    assert len(corpus("expected")) - len(DIFFERENT) >= 198
