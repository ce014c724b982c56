"""Input values from other components, and their paths."""

from __future__ import annotations

import pytest

from kong_oam.oam.application import read_bytes
from kong_oam.oam.input_values import FieldPathError, path_of, with_value
from kong_oam.oam.model import ComponentSpec

TEXT = b"""apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: web
      type: x
      properties: {env: [{name: A}], a.b: 1}
      traits: [{type: y, properties: {n: 1}}, {type: access, properties: {owner: o}}, {type: z}]
"""


def web() -> ComponentSpec:
    return read_bytes("a.yaml", TEXT).applications[0].components[0]


@pytest.mark.parametrize(
    ("parameter", "path"),
    [
        ("image", ("properties", "image")),
        ("properties.image", ("properties", "image")),
        ("env[0].value", ("properties", "env", 0, "value")),
        ('data["a.b"].c-d', ("properties", "data", "a.b", "c-d")),
        ('"a.b".c', ("properties", "a.b", "c")),
        ("traits[2].properties.n", ("traits", 2, "properties", "n")),
        ("traits", ("properties", "traits")),
    ],
)
def test_a_place_is_a_path_below_the_properties(
    parameter: str, path: tuple[str | int, ...]
) -> None:
    """Or a path of a trait."""
    assert path_of(parameter) == path


@pytest.mark.parametrize(
    "parameter", ["", ".", "a.", ".a", "a b", "env[x]", "env[-1]", 'a["b', "properties", "traits[0]", "traits[0].type", "a" + ".a" * 32]
)  # fmt: skip
def test_what_is_no_path_is_refused(parameter: str) -> None:
    """Even if CUE could read it."""
    with pytest.raises(FieldPathError):
        path_of(parameter)


def test_a_value_takes_the_place_of_what_stood_there() -> None:
    """Missing mappings and lists are created; nothing else changes."""
    assert with_value(web(), path_of("env[0].value"), "v").properties == {
        "env": [{"name": "A", "value": "v"}],
        "a.b": 1,
    }
    assert with_value(web(), path_of("env[1].value"), 2).properties["env"] == [
        {"name": "A"},
        {"value": 2},
    ]
    assert with_value(web(), path_of('["a.b"]'), "v").properties["a.b"] == "v"
    assert with_value(web(), path_of("more[0].deep"), "v").properties[
        "more"
    ] == [{"deep": "v"}]
    traits = with_value(web(), path_of("traits[2].properties.m.k"), "v").traits
    assert [trait.properties for trait in traits] == [
        {"n": 1},
        {"owner": "o"},
        {"m": {"k": "v"}},
    ]


@pytest.mark.parametrize(
    ("parameter", "why"),
    [
        ("env[2].value", r"needs a list with an entry before \[2\]"),
        (
            "env.value",
            "'value' needs a mapping, but its parent is none; correct the path",
        ),
        (
            '["a.b"].c',
            "'c' needs a mapping, but its parent is none; correct the path",
        ),
        ('["a.b"][0]', "the path needs a list; correct the path"),
        ("traits[3].properties.n", r"the component has no traits\[3\]"),
        (
            "traits[1].properties.owner",
            "an input cannot set properties of the trait 'access'; write them out",
        ),
    ],
)
def test_a_value_that_has_no_place_is_refused(parameter: str, why: str) -> None:
    """No other component may set access rules."""
    with pytest.raises(FieldPathError, match=why):
        with_value(web(), path_of(parameter), "v")
