"""Definitions in YAML, as KubeVela's API server and its tools print them."""

from __future__ import annotations

import pytest

from kong_oam.oam.definitions.reading import read_definitions
from tests.support.oam_corpus import CORPUS, corpus, need_corpus

HEAD = "apiVersion: core.oam.dev/v1beta1\n"
SCALER = (
    HEAD
    + """kind: TraitDefinition
metadata:
  name: scaler
  annotations: {definitionrevision.oam.dev/name: "1.2"}
spec:
  version: 1.2.3
  workloadRefPath: spec.ref
  appliesToWorkloads: [deployments.apps]
  schematic:
    cue:
      template: |
        parameter: replicas: *1 | int
        patch: spec: replicas: parameter.replicas
"""
)


def test_all_used_fields_of_a_definition_are_read() -> None:
    """Including the position of its template."""
    (definition,) = read_definitions("scaler.yaml", SCALER.encode()).definitions
    assert (
        definition.kind,
        definition.name,
        definition.version,
        definition.revision,
    ) == (
        "trait",
        "scaler",
        "1.2.3",
        "1.2",
    )
    assert definition.template.startswith("parameter: replicas")
    assert (
        definition.workload_ref_path == "spec.ref" and not definition.built_in
    )
    assert (str(definition.position), str(definition.line(2))) == (
        "scaler.yaml:4:9",
        "scaler.yaml:14:1",
    )
    assert (
        definition.line(2)
        .excerpt()
        .splitlines()[0]
        .endswith("patch: spec: replicas: parameter.replicas")
    )


@pytest.mark.parametrize(
    "written", ['template: "output: {}"', "template: output"]
)
def test_a_template_that_is_no_block_has_the_place_of_its_definition(
    written: str,
) -> None:
    """Its lines are not lines of the file."""
    text = f"{HEAD}kind: TraitDefinition\nmetadata: {{name: a}}\nspec: {{schematic: {{cue: {{{written}}}}}}}\n"
    (definition,) = read_definitions("a.yaml", text.encode()).definitions
    assert str(definition.line(2)) == str(definition.position) == "a.yaml:3:18"


def test_other_objects_beside_definitions_are_skipped() -> None:
    """Applications and workflow steps are skipped; all kinds of definitions are read."""
    kinds = ("ComponentDefinition", "PolicyDefinition", "WorkloadDefinition")
    template = "spec: {schematic: {cue: {template: a}}}"
    texts = [
        f"{HEAD}kind: {kind}\nmetadata: {{name: a}}\n{template}\n"
        for kind in kinds
    ]
    texts += [
        f"{HEAD}kind: {kind}\nmetadata: {{name: a}}\n"
        for kind in ("Application", "WorkflowStepDefinition")
    ]
    found = read_definitions("all.yaml", "---\n".join(texts).encode())
    assert [definition.kind for definition in found.definitions] == [
        "component",
        "policy",
        "workload",
    ]
    assert not found.diagnostics


def test_a_list_is_read_as_kubectl_prints_it() -> None:
    """Errors in items have the item's position."""
    fields = "metadata: {name: a, uid: u}, spec: {schematic: {cue: {template: b}}}, status: {}"
    items = [
        f"{HEAD.strip()}, kind: {kind}Definition, {fields}"
        for kind in ("Component", "Trait", "WorkflowStep")
    ]
    text = (
        "apiVersion: v1\nkind: List\nmetadata: {resourceVersion: ''}\nitems:\n"
    )
    text += "".join(f"- {{{item}}}\n" for item in [*items, "kind: ConfigMap"])
    found = read_definitions("all.yaml", text.encode())
    assert [
        (definition.kind, definition.name, definition.position.line)
        for definition in found.definitions
    ] == [
        ("component", "a", 5),
        ("trait", "a", 6),
    ]
    assert [str(diagnostic.position) for diagnostic in found.diagnostics] == [
        "all.yaml:8:3"
    ]
    assert not read_definitions(
        "none.yaml", b"{apiVersion: v1, kind: List, items: []}"
    ).diagnostics


def test_a_file_of_kubevelas_chart_is_read_as_it_is() -> None:
    """Its namespace is a Helm template."""
    chart = SCALER.replace(
        "  name: scaler\n",
        '  name: scaler\n  namespace: {{ include "systemDefinitionNamespace" . }}\n',
    )
    found = read_definitions("scaler.yaml", chart.encode())
    assert [definition.name for definition in found.definitions] == [
        "scaler"
    ] and not found.diagnostics


def test_workload_definitions_without_a_template_are_skipped() -> None:
    """KubeVela creates some in a cluster for component types."""
    text = f"{HEAD}kind: WorkloadDefinition\nmetadata: {{name: a}}\nspec: {{definitionRef: {{name: deployments.apps}}}}"
    found = read_definitions("a.yaml", text.encode())
    assert not found.definitions and not found.diagnostics


def test_a_template_in_its_older_place_is_read() -> None:
    """`extension`, which KubeVela reads if `schematic` is missing."""
    text = f"{HEAD}kind: TraitDefinition\nmetadata: {{name: a}}\nspec:\n  extension:\n    template: |\n      patch: {{}}\n"
    (definition,) = read_definitions("a.yaml", text.encode()).definitions
    assert (definition.template, str(definition.line(1))) == (
        "patch: {}\n",
        "a.yaml:7:1",
    )


def test_a_type_of_terraform_keeps_its_schematic() -> None:
    """It has no template."""
    text = f"{HEAD}kind: ComponentDefinition\nmetadata: {{name: a}}\nspec: {{schematic: {{terraform: {{configuration: x}}}}}}"
    (definition,) = read_definitions("a.yaml", text.encode()).definitions
    assert (definition.template, definition.terraform) == (
        "",
        {"configuration": "x"},
    )


WRONG = {
    "no definition": (
        "kind: ConfigMap\n",
        "a.yaml:1:1: error OAM108: a ConfigMap is no definition",
    ),
    "no mapping": ("[1]\n", "a.yaml:1:1: error OAM108: this is no definition"),
    "another version": (
        "apiVersion: core.oam.dev/v1alpha2\nkind: TraitDefinition\nmetadata: {name: a}\nspec: {schematic: {cue: {template: a}}}",
        "a.yaml:1:13: error OAM103: apiVersion of a TraitDefinition must be core.oam.dev/v1beta1",
    ),
    "no name": (
        f"{HEAD}kind: TraitDefinition\nmetadata: {{}}\nspec: {{schematic: {{cue: {{template: a}}}}}}",
        "a.yaml:3:11: error OAM105: a TraitDefinition needs a name: metadata.name",
    ),
    "no template": (
        f"{HEAD}kind: TraitDefinition\nmetadata: {{name: a}}\nspec: {{}}",
        "a.yaml:4:7: error OAM105: a TraitDefinition needs a template in CUE: spec.schematic.cue.template",
    ),
    "a template that is no text": (
        f"{HEAD}kind: TraitDefinition\nmetadata: {{name: a}}\nspec: {{schematic: {{cue: {{template: {{a: 1}}}}}}}}",
        "a.yaml:4:36: error OAM105: a TraitDefinition needs a template in CUE: spec.schematic.cue.template",
    ),
    "a version that is no text": (
        f"{HEAD}kind: TraitDefinition\nmetadata: {{name: a}}\nspec: {{version: 1.2, schematic: {{cue: {{template: a}}}}}}",
        "a.yaml:4:17: error OAM103: version must be of type string, not number",
    ),
    "a chart of old": (
        f"{HEAD}kind: ComponentDefinition\nmetadata: {{name: a}}\nspec: {{schematic: {{helm: {{}}}}}}",
        "a.yaml:4:19: error OAM105: a ComponentDefinition needs a template in CUE: spec.schematic.cue.template",
    ),
    "no configuration of Terraform": (
        f"{HEAD}kind: ComponentDefinition\nmetadata: {{name: a}}\nspec: {{schematic: {{terraform: 1}}}}",
        "a.yaml:4:31: error OAM103: schematic.terraform.configuration must be of type string",
    ),
    "Terraform that is not rendered": (
        f"{HEAD}kind: ComponentDefinition\nmetadata: {{name: a}}\nspec: {{schematic: {{terraform: {{configuration: a, type: json}}}}}}",
        "a.yaml:4:56: error OAM103: schematic.terraform.type must be hcl or remote",
    ),
    "no YAML": ("a: [", "a.yaml:2:1: error OAM101: "),
}


@pytest.mark.parametrize("about", WRONG)
def test_what_is_wrong_is_found_at_its_place(about: str) -> None:
    """And the definition is not used."""
    text, expected = WRONG[about]
    found = read_definitions("a.yaml", text.encode())
    assert not found.definitions and [
        str(diagnostic).startswith(expected) for diagnostic in found.diagnostics
    ] == [True], found


REFUSED = {
    "a ComponentDefinition needs a template in CUE: spec.schematic.cue.template",  # samples, and units of tests
    "a TraitDefinition needs a template in CUE: spec.schematic.cue.template",
    "key 'workload' occurs twice in one mapping; rename or remove one",
    "schematic.kube is not rendered any more, by KubeVela neither; write it as CUE (schematic.cue.template)",
}


@pytest.mark.parametrize(
    "folder", ["builtin", "deprecated", "definitions", "extra"]
)
def test_definitions_that_people_wrote_are_read(folder: str) -> None:
    """Each rejection has a known reason; none of KubeVela's own is rejected."""
    need_corpus()
    refused = {}
    for name in corpus(folder):
        found = read_definitions(name, (CORPUS / folder / name).read_bytes())
        if found.diagnostics:
            refused[name] = {
                diagnostic.message for diagnostic in found.diagnostics
            }
    for name, messages in refused.items():
        assert messages <= REFUSED, name
    assert (
        len(refused)
        == {"builtin": 0, "deprecated": 0, "definitions": 10, "extra": 1}[
            folder
        ]
    )
