"""Errors in properties are found before rendering, at their positions."""

from __future__ import annotations

import textwrap

import pytest

from kong_oam.oam.definitions.library import library
from kong_oam.oam.definitions.reading import read_definitions
from kong_oam.render.evaluator import Evaluator
from tests.support.rendering import defined, rendered

TEMPLATE = """
import "strings"

#Probe: {path: string, port: int & <=65535}
output: {apiVersion: "v1", kind: "X", metadata: annotations: a: strings.ToUpper(parameter.image)}
parameter: {
    // +usage=Which image
    image: string
    kind: *"a" | "b" | "c"
    count: *1 | int
    ports?: [...{port: int, name?: string, protocol: *"TCP" | "UDP"}]
    probe?: #Probe
    labels?: [string]: string
    open?: {}
    wide?: {...}
    shut?: close({})
    volumes?: [...{
        name: string
        type: "pvc" | "secret"
        if type == "pvc" {claim: string}
        if type == "secret" {secret: string}
    }]
    #Change: {name: *"" | string, env: [string]: string}
    change?: *#Change | close({changes: [...#Change]})
    either?: {left: string} | {right: {deep: int}}
    both?: {one?: int, two?: bool} | {many: [...int]}
    store?: {kind: "s3", bucket: string} | {kind: "fs", path: string}
    size: *1 | (int & >=1 & <=5)
}
"""

CASES: dict[str, tuple[str, tuple[str, ...]]] = {
    "all right": (
        "{image: a, kind: c, count: 2, ports: [{port: 1}], labels: {x: y}}",
        (),
    ),
    "an open struct takes anything": (
        "{image: a, open: {x: {y: 1}}, wide: {z: 1}}",
        (),
    ),
    "alternatives and conditions": (
        "{image: a, either: {right: {deep: 1}}, volumes: [{name: a, type: pvc, claim: b}]}",
        (),
    ),
    "missing": ("{}", ("8:19 OAM105: app needs 'image'",)),
    "unknown": (
        "{image: a, cuont: 2}",
        ("8:30 OAM102: unknown field 'cuont' in app; did you mean 'count'?",),
    ),
    "a field of the component": (
        "{image: a, inputs: []}",
        (
            "8:30 OAM102: unknown field 'inputs' in app; it belongs beside 'properties': move it there",
        ),
    ),
    "unknown in a list": (
        "{image: a, ports: [{port: 1}, {port: 2, nme: x}]}",
        ("8:59 OAM102: unknown field 'nme' in ports[1]; did you mean 'name'?",),
    ),
    "unknown in a closed struct": (
        "{image: a, shut: {x: 1}}",
        ("8:37 OAM102: unknown field 'x' in shut",),
    ),
    "unknown under a condition": (
        "{image: a, volumes: [{name: a, type: pvc, secret: b, claim: c}]}",
        ("8:61 OAM102: unknown field 'secret' in volumes[0]",),
    ),
    "a type": (
        "{image: 1}",
        ("8:27 OAM103: image must be of type string, not integer",),
    ),
    "a list that is none": (
        "{image: a, ports: 80}",
        ("8:37 OAM103: ports must be of type array, not integer",),
    ),
    "a mapping that is none": (
        "{image: a, labels: [x]}",
        ("8:38 OAM103: labels must be of type object, not array",),
    ),
    "null": (
        "{image: null}",
        ("8:27 OAM103: image must be of type string, not null",),
    ),
    "a value": (
        "{image: a, kind: d}",
        ('8:36 OAM103: kind cannot be "d"; known: a, b, c',),
    ),
    "a bound": (
        "{image: a, probe: {path: /, port: 70000}}",
        (
            "8:53 OAM103: probe.port: invalid value 70000 (out of bound <=65535)",
        ),
    ),
    "a value with a default": (
        "{image: a, count: x}",
        ("8:37 OAM103: count must be of type integer, not string",),
    ),
    "a fraction": (
        "{image: a, count: 1.5}",
        ("8:37 OAM103: count must be of type integer, not number",),
    ),
    "unknown, missing and of another type": (
        "{zzz: a, count: x, ports: [{prt: 1}, {name: a, zzz: 1}], probe: {port: 1, pth: /}, volumes: [{name: a, type: pvc}]}",
        (
            "8:35 OAM103: count must be of type integer, not string",
            "8:47 OAM102: unknown field 'prt' in ports[0]; did you mean 'port'?",
            "8:66 OAM102: unknown field 'zzz' in ports[1]; known: port, protocol",
            "8:93 OAM102: unknown field 'pth' in probe; did you mean 'path'?",
            "8:20 OAM102: unknown field 'zzz' in app; known: both, change, count, either, image, kind, labels, open, shut, size, store, wide",
            "8:56 OAM105: ports[1] needs 'port'",
            "8:112 OAM105: volumes[0] needs 'claim'",
            "8:19 OAM105: app needs 'image'",
        ),
    ),
    "a wrong value may be what others go by": (
        "{volumes: [{name: a, type: pcv, claim: b}], labels: [1]}",
        (
            "8:71 OAM103: labels must be of type object, not array",
            "8:46 OAM103: volumes[0].type cannot be \"pcv\"; did you mean 'pvc'?",
        ),
    ),
    "in a mapping of an alternative": (
        "{image: a, change: {env: {A: '1', B: 2}}}",
        ("8:56 OAM103: change.env.B must be of type string, not integer",),
    ),
    "of alternatives, the one that fits furthest": (
        "{image: a, either: {right: {deep: x}}}",
        ("8:53 OAM103: either.right.deep must be of type integer, not string",),
    ),
    "a condition's field that is misspelt": (
        "{image: a, volumes: [{name: a, type: pvc, calim: x}]}",
        (
            "8:61 OAM102: unknown field 'calim' in volumes[0]; did you mean 'claim'?",
        ),
    ),
    "of alternatives, the one whose kind is said": (
        "{image: a, store: {kind: fs, path: /, zzz: 1}}",
        ("8:57 OAM102: unknown field 'zzz' in store; known: bucket",),
    ),
    "of alternatives, another one's field": (
        "{image: a, store: {kind: s3, path: /}}",
        (
            "8:48 OAM102: unknown field 'path' in store; known: bucket",
            "8:37 OAM105: store needs 'bucket'",
        ),
    ),
    "of alternatives, a wrong type alone": (
        "{image: a, either: {left: 1}}",
        ("8:45 OAM103: either.left must be of type string, not integer",),
    ),
    "of alternatives, the one that knows all fields": (
        "{image: a, both: {one: 1, two: x}}",
        ("8:50 OAM103: both.two must be of type boolean, not string",),
    ),
    "a kind that no alternative has": (
        "{image: a, store: {kind: ftp}}",
        ('8:44 OAM103: store.kind cannot be "ftp"; known: fs, s3',),
    ),
    "a bound beside a default": (
        "{image: a, size: 9}",
        ("8:36 OAM103: size: invalid value 9 (out of bound <=5)",),
    ),
    "a condition's field": (
        "{image: a, volumes: [{name: a, type: secret}]}",
        ("8:40 OAM105: volumes[0] needs 'secret'",),
    ),
    "several at once": (
        "{count: x, kind: d}",
        (
            "8:27 OAM103: count must be of type integer, not string",
            '8:36 OAM103: kind cannot be "d"; known: a, b, c',
        ),
    ),
    "a key with other signs": (
        "{image: a, labels: {a/b.c: 1}}",
        ("8:46 OAM103: labels.a/b.c must be of type string, not integer",),
    ),
}


@pytest.mark.parametrize("about", CASES)
def test_what_is_wrong_is_found_at_its_place(
    about: str, evaluator: Evaluator
) -> None:
    """With the messages of the project's JSON Schemas."""
    properties, expected = CASES[about]
    made = rendered(evaluator, defined(TEMPLATE), f"properties: {properties}")
    assert (
        tuple(
            f"{diagnostic.position.line}:{diagnostic.position.column} {diagnostic.code}: {diagnostic.message}"
            for diagnostic in made.diagnostics
            if diagnostic.position
        )
        == expected
    )
    assert bool(made.objects) is not bool(expected)


def test_all_parts_are_checked_at_once(evaluator: Evaluator) -> None:
    """A component and its traits."""
    stack = defined(
        TEMPLATE, scale="parameter: n: int\npatch: spec: n: parameter.n"
    )
    made = rendered(
        evaluator,
        stack,
        "properties: {imge: a}\ntraits: [{type: scale, properties: {n: x}}, {type: scale}]",
    )
    assert [
        (diagnostic.code, getattr(diagnostic.position, "line", 0))
        for diagnostic in made.diagnostics
    ] == [
        ("OAM102", 8),
        ("OAM103", 9),
        ("OAM105", 9),
    ]


def test_a_template_that_says_nothing_of_parameters_takes_any(
    evaluator: Evaluator,
) -> None:
    """Such as KubeVela's older definitions."""
    made = rendered(
        evaluator,
        defined('output: {apiVersion: "v1", kind: "X", n: parameter.n}'),
        "properties: {n: 1, m: 2}",
    )
    assert made.objects[0].object["n"] == 1


def test_what_a_template_says_is_said(evaluator: Evaluator) -> None:
    """`errs`, at its trait, and no other finding."""
    errs = 'errs: [if context.output.spec.template.spec.containers[0].name == "web" {"not for web"}, "at all"]'
    made = rendered(evaluator, defined(never=errs), "traits: [{type: never}]")
    (finding,) = made.diagnostics
    assert str(finding).splitlines()[:2] == [
        "shop.yaml:8:23: error OAM111: trait 'never' of 'web': not for web",
        "at all",
    ]


def test_any_other_failure_is_one_finding_with_cues_words(
    evaluator: Evaluator,
) -> None:
    """With the component, the trait and the definition."""
    patch = 'patch: spec: template: spec: containers: [{name: "other"}]'
    made = rendered(evaluator, defined(patch=patch), "traits: [{type: patch}]")
    (finding,) = made.diagnostics
    lines = str(finding).splitlines()
    assert lines[0].startswith(
        "shop.yaml:8:23: error OAM112: trait 'patch' of 'web': its definition fails: "
    )
    assert 'conflicting values "other" and "web"' in lines[0]
    assert lines[1] == "the definition: definitions.yaml:16:9"


def test_what_fails_is_told_by_the_line_of_its_file(
    evaluator: Evaluator,
) -> None:
    """Instead of the template's line; if the file has another format, the template's line."""
    template = "output: {\n  a: nobody\n  b: noone\n}\n"
    text = (
        "apiVersion: core.oam.dev/v1beta1\nkind: ComponentDefinition\nmetadata: {name: app}\n"
        f"spec:\n  schematic:\n    cue:\n      template: |\n{textwrap.indent(template, ' ' * 8)}"
    )
    for stack, a, b in (
        (
            library(read_definitions("d.yaml", text.encode()).definitions),
            "d.yaml:9",
            "d.yaml:10",
        ),
        (defined(template), "app:2:6", "app:3:6"),
    ):
        (finding,) = rendered(evaluator, stack).diagnostics
        assert finding.message.endswith(
            f'its definition fails: output.a: reference "nobody" not found ({a})'
        )
        assert (
            finding.details[0] == f'output.b: reference "noone" not found ({b})'
        )


@pytest.mark.parametrize(
    ("component", "message"),
    [
        (
            "properties: {size: 3}",
            "app 'web': its definition fails: output.size: conflicting values 3 and 2 (app:5:9)",
        ),
        (
            "properties: {size: 2}\ntraits: [{type: patch}]",
            "trait 'patch' of 'web': its definition fails: size: conflicting values 4 and 2 (patch:3:3)",
        ),
    ],
)
def test_values_that_conflict_are_told_by_the_line_of_the_template(
    component: str, message: str, evaluator: Evaluator
) -> None:
    """Not the line of the property or of the patched object."""
    template = """
parameter: size: int
output: {apiVersion: "v1", kind: "X"
  size: parameter.size
  size: 2
}
"""
    stack = defined(template, patch="parameter: {}\npatch: {\n  size: 4\n}\n")
    (finding,) = rendered(evaluator, stack, component).diagnostics
    assert finding.message == message


def test_a_property_may_have_the_name_of_an_import(
    evaluator: Evaluator,
) -> None:
    """The properties use one import of two; only the rest of the template uses the other."""
    template = """
        import (
          "path"
          "strings"
        )
        parameter: {path: string, same: path, tail: *strings.ToLower("X") | string}
        output: {apiVersion: "v1", kind: "X", name: path.Base(parameter.path) + parameter.tail}
    """
    made = rendered(
        evaluator, defined(template), "properties: {path: a/b, same: a/b}"
    )
    assert not made.diagnostics
    assert made.objects[0].object["name"] == "bx"


def test_what_a_wrong_type_hides_is_not_all_properties(
    evaluator: Evaluator,
) -> None:
    """If alternatives are themselves properties, their errors depend on the type."""
    made = rendered(
        evaluator,
        defined("parameter: {x: int} | {y: string}\noutput: {}"),
        "properties: {x: q}",
    )
    assert [diagnostic.message for diagnostic in made.diagnostics] == [
        "x must be of type integer, not string"
    ]
