"""The schema for editors rejects exactly the errors that the reader finds in one document."""

from __future__ import annotations

import ast
import copy
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kong_oam.__main__ import main
from kong_oam.oam.application import read_bytes
from kong_oam.oam.document import read
from kong_oam.oam.editor import application_schema
from tests.support.cli import Cli
from tests.support.repository import ROOT
from tests.support.tiers import examples

COPY = ROOT / "definitions" / "application.schema.json"
SCHEMA = application_schema()
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)

BEYOND = re.compile(
    "dependsOn |(component|policy|step|output) '.*' (is|and)|another `gateway` needs|key '.*' occurs "
    "twice|dependency cycle|override '.*': |no component has the output"
)
"""Findings about several positions of a document, which a schema cannot express."""
UNDEPLOYED = re.compile(
    r"(step|policy|topology|garbage-collect|resource-update|apply-once) '|workflow '"
)
"""Documents with a right shape that are not deployed."""


def refused(document: Any) -> set[str]:
    """The reader's findings about a document that a schema can express."""
    reading = read_bytes("a.yaml", yaml.safe_dump(document).encode())
    messages = (
        diagnostic.message
        for diagnostic in reading.diagnostics
        if diagnostic.severity == "error"
    )
    return {
        message
        for message in messages
        if not BEYOND.match(message) and not UNDEPLOYED.match(message)
    }


def documents(raw: bytes) -> list[Any]:
    return [document.data for document in read("a.yaml", raw)[0]]


def written_in_tests() -> Iterator[Any]:
    """Every Application in a test that is one text."""
    for file in sorted((ROOT / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and "kind: Application" in node.value
            ):
                yield from documents(node.value.encode())


SAMPLES = [
    document
    for file in sorted((ROOT / "applications").glob("*.yaml"))
    for document in documents(file.read_bytes())
]
DEPENDENT = copy.deepcopy(SAMPLES[0])
DEPENDENT["spec"]["components"][0]["dependsOn"] = []
FOREIGN = yaml.safe_load("""
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata:
  name: shop
  namespace: sales
  labels: {tier: one}
spec:
  components:
  - name: partner
    type: external
    properties: {jwksUri: 'https://partner.example.com/keys'}
    traits:
    - type: client
      properties: {kind: external}
  - name: app
    type: external
    traits:
    - type: client
      properties:
        kind: native
        redirectUris: ['com.example.app:/cb']
  - name: job
    type: worker
    properties:
      image: i
      volumes:
      - {name: v, mountPath: /v, type: pvc, claimName: c}
""")
BASES = [*SAMPLES, DEPENDENT, FOREIGN]


def test_the_copy_is_what_the_command_prints(cli: Cli, tmp_path: Path) -> None:
    """If it differs: `python -m kong_oam schema --output definitions/application.schema.json`."""
    assert cli("schema") == COPY.read_text("utf-8")
    assert main(["schema", "--output", str(tmp_path / "a.json")]) == 0
    assert (tmp_path / "a.json").read_text("utf-8") == COPY.read_text("utf-8")
    assert ": No such file or directory" in cli.error(
        "schema", "--output", str(tmp_path / "nowhere" / "a.json")
    )


def test_it_is_a_schema_that_an_editor_can_explain() -> None:
    """It has no references, and no branches where an editor could only say that nothing matches."""
    jsonschema_rs.meta.validate(SCHEMA)
    text = json.dumps(SCHEMA)
    assert '"$ref"' not in text
    assert '"oneOf"' not in text
    assert '"anyOf"' not in json.dumps(SCHEMA["then"])


def test_both_say_the_same_of_every_application_here() -> None:
    """Samples and Applications in tests: both accept or both reject them."""
    answers: Counter[bool] = Counter()
    for document in [*SAMPLES, *written_in_tests()]:
        if isinstance(document, dict) and document.get("kind") == "Application":
            messages = refused(document)
            assert VALIDATOR.is_valid(document) == (not messages), (
                document,
                messages,
            )
            answers[not messages] += 1
    print(f"accepted and refused by both: {answers[True]}, {answers[False]}")
    assert answers[True] >= 25
    assert all(map(VALIDATOR.is_valid, BASES))


WORDS = (
    "",
    "x",
    "worker",
    "external",
    "webservice",
    "access",
    "client",
    "gateway",
    "Exact",
    "existingServiceName",
    "class",
    "policies",
    "2027-01-01",
)
VALUES = st.one_of(st.none(), st.booleans(), st.sampled_from([-1, 0, 1, 1.5, 80, 70_000]), st.sampled_from(WORDS), st.sampled_from([[], {}, ["x"], {"x": "y"}, [{}]]))  # fmt: skip


def paths(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for key, value in (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    ):
        yield (*path, key)
        yield from paths(value, (*path, key))


@st.composite
def mistakes(draw: st.DrawFn) -> Any:
    """An Application with one value removed, replaced, doubled or renamed."""
    document = copy.deepcopy(draw(st.sampled_from(BASES)))
    for _ in range(draw(st.integers(1, 2))):
        *above, key = draw(st.sampled_from([*paths(document)]))
        node = document
        for step in above:
            node = node[step]
        change = draw(st.sampled_from(["remove", "replace", "rename"]))
        if change == "replace":
            node[key] = copy.deepcopy(draw(VALUES))
        elif isinstance(node, list):
            node += [copy.deepcopy(node[key])] if change == "rename" else []
        else:
            value = node.pop(key)
            if change == "rename":
                node[draw(st.sampled_from(WORDS))] = value
    return document


@settings(max_examples=examples(3000), deadline=None)
@given(mistakes())
def test_a_mistake_is_found_by_both(document: Any) -> None:
    """Unless it makes a document of another kind."""
    assume(
        document.get("apiVersion") == "core.oam.dev/v1beta1"
        or document.get("kind") == "Application"
    )
    messages = refused(document)
    assert VALIDATOR.is_valid(document) == (not messages), messages


@pytest.mark.parametrize(
    ("head", "accepted"),
    [
        ({"apiVersion": "v1", "kind": "ConfigMap"}, True),
        (
            {"apiVersion": "core.oam.dev/v1beta1", "kind": "TraitDefinition"},
            True,
        ),
        ({"apiVersion": "core.oam.dev/v1alpha1", "kind": "Policy"}, True),
        ({"apiVersion": "core.oam.dev/v1beta1", "kind": "Aplication"}, False),
        ({"apiVersion": "v1", "kind": "Application"}, False),
        ({"apiVersion": "core.oam.dev/v1beta1"}, False),
        ({"kind": "Application"}, False),
    ],
)
def test_a_document_of_another_kind_is_left_alone(
    head: dict[str, str], accepted: bool
) -> None:
    """A misspelt Application is an Application."""
    document = {
        key: value
        for key, value in SAMPLES[0].items()
        if key not in ("apiVersion", "kind")
    } | head
    assert VALIDATOR.is_valid(document) is accepted
