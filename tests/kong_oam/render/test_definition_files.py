"""Definitions in files: YAML, and CUE in the format of `vela def`."""

from __future__ import annotations

from pathlib import Path

import pytest

from kong_oam.oam.definitions.library import Library, library
from kong_oam.oam.definitions.reading import read_definitions
from kong_oam.render.definition_files import read_definition_file
from kong_oam.render.evaluator import Evaluator
from tests.support.rendering import WORKLOAD, rendered, written

SCALER = """
import "strconv"

"my-scaler": {
	type: "trait"
	annotations: {}
	description: "Scales."
	attributes: {
		appliesToWorkloads: ["deployments.apps"]
		workloadRefPath: "spec.ref"
		version: "1.0.0"
	}
}
template: {
	parameter: {
		// +usage=How many
		replicas: *1 | int
	}
	// +patchStrategy=retainKeys
	patch: spec: replicas: parameter.replicas
	patch: metadata: annotations: n: strconv.FormatInt(parameter.replicas, 10)
}
"""


WITHOUT_A_TRAIT = library(
    read_definitions(
        "app.yaml", written("Component", "app", WORKLOAD).encode()
    ).definitions
)
"""A component type in YAML."""


def with_trait(text: str, folder: Path, evaluator: Evaluator) -> Library:
    """The component type, and the trait of a file `tagged.cue` with this text."""
    file = folder / "tagged.cue"
    file.write_bytes(text.encode())
    found = read_definition_file(file, str(file), evaluator.ask)
    assert not found.diagnostics
    (app,) = WITHOUT_A_TRAIT.definitions["component", "app"]
    return library((app, *found.definitions))


def test_a_trait_in_cue_changes_what_a_component_in_yaml_makes(
    tmp_path: Path, evaluator: Evaluator
) -> None:
    """Including the fields of its description."""
    stack = with_trait(SCALER, tmp_path, evaluator)
    (scaler,) = stack.definitions["trait", "my-scaler"]
    assert (scaler.version, scaler.workload_ref_path) == ("1.0.0", "spec.ref")
    made = (
        rendered(
            evaluator,
            stack,
            "traits: [{type: my-scaler, properties: {replicas: 3}}]",
        )
        .objects[0]
        .object
    )
    assert made["spec"]["replicas"] == 3
    assert made["metadata"]["annotations"] == {"n": "3"}


LINED = """// What it is for.
import "strings"

"tagged": {
	type: "trait"
	annotations: "definitionrevision.oam.dev/name": "blue"
	attributes: {
		version: "1.0.0"
		status: {
			healthPolicy: isHealth: context.output.status.ready
			customStatus: message: "at \\(context.output.metadata.name)"
		}
	}
}, template: {parameter: {a: string, more: {}}, patch: metadata: labels: {
	// +patchStrategy=retainKeys
	a: strings.ToLower(parameter.a)
	b: nobody
}
}
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_template_has_the_lines_of_its_file(
    end: str, tmp_path: Path, evaluator: Evaluator
) -> None:
    """With any text before it. CUE about the status, which `vela def` accepts, is not evaluated."""
    stack = with_trait(LINED.replace("\n", end), tmp_path, evaluator)
    definition = stack.definitions["trait", "tagged"][0]
    assert (
        definition.version,
        definition.revision,
        str(definition.position),
    ) == (
        "1.0.0",
        "blue",
        f"{tmp_path}/tagged.cue:4:1",
    )
    (finding,) = rendered(
        evaluator, stack, "traits: [{type: tagged@blue, properties: {a: X}}]"
    ).diagnostics
    assert finding.message.endswith(
        f'reference "nobody" not found ({tmp_path}/tagged.cue:17)'
    )
    (unknown,) = rendered(
        evaluator,
        stack,
        "traits: [{type: tagged, properties: {a: X, c: 1, more: {d: 1}}}]",
    ).diagnostics
    assert unknown.message == "unknown field 'c' in tagged"
    stack = with_trait(
        LINED.replace("strings", "tool/exec").replace("b: nobody", ""),
        tmp_path,
        evaluator,
    )
    (refused,) = rendered(
        evaluator, stack, "traits: [{type: tagged, properties: {a: X}}]"
    ).diagnostics
    assert (refused.code, str(refused.position)) == (
        "OAM108",
        f"{tmp_path}/tagged.cue:2:1",
    )
    assert (
        refused.position.excerpt()
        .splitlines()[0]
        .endswith('import "tool/exec"')
    )


def test_properties_that_fail_are_told_by_the_line_of_the_file(
    tmp_path: Path, evaluator: Evaluator
) -> None:
    """A part of the template checks them."""
    text = 'app: type: "component"\ntemplate: {\n\toutput: {}\n\tif true {x: 1}\n\tparameter: a: #Nobody\n}\n'
    (tmp_path / "app.cue").write_text(text)
    read = read_definition_file(
        tmp_path / "app.cue", f"{tmp_path}/app.cue", evaluator.ask
    )
    (finding,) = rendered(evaluator, library(read.definitions)).diagnostics
    assert finding.message.endswith(
        f'reference "#Nobody" not found ({tmp_path}/app.cue:5)'
    )


WRONG = {
    "no CUE": (
        "a: {}\nb: : c",
        "2:4: error OAM112: the file is no definition: expected",
    ),
    "no template": (
        'a: type: "trait"',
        "1:1: error OAM112: the file is no definition: no `template` beside `a`",
    ),
    "a version that is no text": (
        'a: {type: "trait", attributes: version: 0}\ntemplate: {}',
        "1:1: error OAM103: version of 'a' must be of type string, not integer",
    ),
    "nothing that describes it": (
        "template: {}",
        "1:1: error OAM112: the file is no definition: no field with a description",
    ),
    "a template that is a text": (
        'a: type: "trait"\ntemplate: "x"',
        "1:1: error OAM112: the file is no definition: `template` is no struct",
    ),
    "another type": (
        'a: type: "thing"\ntemplate: {}',
        "1:1: error OAM103: type \"thing\" of 'a' is unknown; write one of: component, trait",
    ),
    "a type that is no text": (
        'a: type: ["trait"]\ntemplate: {}',
        "1:1: error OAM103: type [\"trait\"] of 'a' is unknown; write one of: component",
    ),
    "no type": (
        "a: {}\ntemplate: {}",
        "1:1: error OAM103: type null of 'a' is unknown",
    ),
    "a description that is open": (
        "a: type: string\ntemplate: {}",
        "1:10: error OAM112: the file is no definition: a.type: incomplete value",
    ),
    "two in one": (
        'a: type: "trait"\nb: type: "trait"\ntemplate: {}',
        "1:1: error OAM112: the file is no definition: two fields beside",
    ),
    "a description that is nested too deeply; simplify it": (
        f'a: {{type: "trait", attributes: {"{b: " * 900}1{"}" * 900}}}\ntemplate: {{}}',
        "1:1: error OAM112: the file is no definition: nested deeper than 64 levels",
    ),
    "no UTF-8": ("\udcff", "1:1: error OAM101: the file is not UTF-8"),
    "what steps of workflows do": (
        'a: type: "workflow-step"\ntemplate: {}',
        None,
    ),
    "one that loops": (
        f'a: {{type: "trait", description: {"4000000000 * "}"x"}}\ntemplate: {{}}',
        "1:1: error OAM112: the file is no definition: its evaluation exceeds",
    ),
}


@pytest.mark.parametrize("about", WRONG)
def test_what_is_no_definition_is_found(
    about: str, tmp_path: Path, evaluator: Evaluator
) -> None:
    """At its line."""
    text, expected = WRONG[about]
    (tmp_path / "a.cue").write_bytes(text.encode("utf-8", "surrogateescape"))
    found = read_definition_file(
        tmp_path / "a.cue", f"{tmp_path}/a.cue", evaluator.ask
    ).diagnostics
    assert [
        str(finding).startswith(f"{tmp_path}/a.cue:{expected}")
        for finding in found
    ] == [True] * bool(expected), found
