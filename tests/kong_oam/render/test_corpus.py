"""Applications and definitions of others, unchanged and with random changes: objects, or findings
with positions."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.definitions.library import Library, library
from kong_oam.oam.definitions.reading import read_definitions
from kong_oam.oam.document import read
from kong_oam.oam.model import Application
from kong_oam.render.built_in import built_in_definitions
from kong_oam.render.evaluator import Evaluator
from kong_oam.render.rendering import definitions_of, render
from tests.support.oam_corpus import (
    CORPUS,
    application_of,
    corpus,
    documents,
    library_of,
    need_corpus,
)

TYPES = (
    "webservice",
    "cron-task",
    "gateway",
    "storage",
    "env",
    "scaler",
    "json-patch",
    "labels",
)
ESTATE = """apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop, labels: {team: a}, annotations: {note: b}}
spec:
  components:
    - name: web
      type: webservice
      properties: {image: a, ports: [{port: 80, expose: true}], env: [{name: A, value: b}], cpu: "1"}
      traits:
        - {type: scaler, properties: {replicas: 2}}
        - {type: gateway, properties: {domain: a.example, http: {/: 80, /b: 81}, class: x, secretName: s}}
        - {type: env, properties: {env: {B: c}, unset: [A]}}
        - {type: storage, properties: {configMap: [{name: c, mountPath: /c, data: {d: e}}]}}
        - {type: labels, properties: {x: y}}
        - {type: json-patch, properties: {operations: [{op: add, path: /spec/x, value: 1}]}}
    - name: night
      type: cron-task
      properties: {image: a, schedule: "* * * * *", cmd: [a, b]}
"""


def _findings(
    application: Application, stack: Library, evaluator: Evaluator
) -> Iterator[Diagnostic]:
    for component in application.components:
        made = render(
            definitions_of(component, stack),
            application,
            component,
            evaluator.ask,
        )
        assert bool(made.objects) is not bool(made.diagnostics)
        yield from made.diagnostics


def test_every_application_is_rendered_or_refused(evaluator: Evaluator) -> None:
    """Each finding has a position in the Application or the definition; no limit is exceeded."""
    need_corpus()
    built_in = built_in_definitions(evaluator.ask)
    rendered = refused = 0
    for file in corpus("applications"):
        for document in documents(f"applications/{file}"):
            application = application_of(document)
            findings = [
                *_findings(application, library_of(file, built_in), evaluator)
            ]
            assert all(finding.position for finding in findings), file
            assert not [
                finding
                for finding in findings
                if "the evaluation of its definition" in finding.message
            ], file
            rendered, refused = (
                rendered + (not findings),
                refused + bool(findings),
            )
    assert rendered >= 255 and refused >= 100, (rendered, refused)


def _changed(text: str, choose: random.Random) -> str:
    """One or two characters removed, inserted or replaced."""
    for _ in range(choose.randint(1, 2)):
        at, old = choose.randrange(len(text)), choose.choice([0, 0, 1, 1, 7])
        text = (
            text[:at]
            + choose.choice(
                [
                    "",
                    "x",
                    '"',
                    "{",
                    "}",
                    "[",
                    ":",
                    "?",
                    "|",
                    "*",
                    "0",
                    "\n",
                    "&",
                    "_|_",
                    "é",
                ]
            )
            + text[at + old :]
        )
    return text


@pytest.mark.parametrize("seed", range(4))
def test_a_definition_that_was_changed_at_random_breaks_nothing(
    seed: int, evaluator: Evaluator
) -> None:
    """The result has objects, or each finding has a position."""
    need_corpus()
    choose = random.Random(seed)
    texts = {
        name: (CORPUS / "builtin" / f"{name}.yaml").read_text("utf-8")
        for name in TYPES
    }
    (document,), _ = read("shop.yaml", ESTATE.encode())
    for _ in range(60):
        changed = {
            name: read_definitions(name, text.encode()).definitions
            for name, text in texts.items()
        }
        type_ = choose.choice(TYPES)
        head, found, template = texts[type_].partition("template: |")
        read_now = read_definitions(
            type_, (head + found + _changed(template, choose)).encode()
        )
        assert all(finding.position for finding in read_now.diagnostics)
        changed[type_] = read_now.definitions
        stack = library(
            definition for some in changed.values() for definition in some
        )
        assert all(
            finding.position and str(finding)
            for finding in _findings(application_of(document), stack, evaluator)
        )


@pytest.mark.parametrize("seed", range(4))
def test_an_application_that_was_changed_at_random_breaks_nothing(
    seed: int, evaluator: Evaluator
) -> None:
    """If it is still an Application."""
    need_corpus()
    choose, stack, judged = (
        random.Random(seed),
        library_of("", built_in_definitions(evaluator.ask)),
        0,
    )
    for _ in range(100):
        found, _ = read("shop.yaml", _changed(ESTATE, choose).encode())
        for document in found:
            application = application_of(document)
            if application.components and all(
                isinstance(component.properties, dict)
                for component in application.components
            ):
                judged += 1
                assert all(
                    finding.position and str(finding)
                    for finding in _findings(application, stack, evaluator)
                )
    assert judged > 25
