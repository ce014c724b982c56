"""Terraform types as objects for their controller."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from kong_oam.oam.definitions.library import Library, library
from kong_oam.oam.definitions.reading import read_definitions
from kong_oam.render.evaluator import Evaluator
from tests.support.json_object import JsonObject
from tests.support.rendering import rendered, written

HCL = """
variable "bucket" {
  type = string
}
variable acl {
  default = "private ${x} \\\\(no CUE)"
}
"""
REMOTE = {
    "configuration": "https://example.com/modules.git",
    "type": "remote",
    "path": "oss",
}


def defined(schematic: JsonObject, *others: str) -> Library:
    data = {
        "apiVersion": "core.oam.dev/v1beta1",
        "kind": "ComponentDefinition",
        "metadata": {
            "name": "app",
            "annotations": {"definition.oam.dev/description": "A bucket"},
        },
        "spec": {"schematic": {"terraform": schematic}},
    }
    found = read_definitions(
        "d.yaml", "---\n".join([yaml.safe_dump(data), *others]).encode()
    )
    assert not found.diagnostics
    return library(found.definitions)


def made(evaluator: Evaluator, stack: Library, properties: str) -> Any:
    found = rendered(
        evaluator,
        stack,
        f"properties: {properties}",
        metadata="{name: shop, namespace: prod}",
    )
    assert not found.diagnostics, found.diagnostics
    return found.objects[0].object


def test_a_component_is_a_configuration(evaluator: Evaluator) -> None:
    """Properties are variables, except the Configuration's own fields."""
    properties = "{bucket: b, acl: null, customRegion: eu, deleteResource: false, writeConnectionSecretToRef: {name: conn}}"
    found = made(evaluator, defined({"configuration": HCL}), properties)
    assert found["metadata"].pop("labels")["workload.oam.dev/type"] == "app"
    assert found == {
        "apiVersion": "terraform.core.oam.dev/v1beta2",
        "kind": "Configuration",
        "metadata": {
            "name": "web",
            "namespace": "prod",
            "annotations": {"definition.oam.dev/description": "A bucket"},
        },
        "spec": {
            "gitRef": {},
            "hcl": HCL,
            "customRegion": "eu",
            "deleteResource": False,
            "writeConnectionSecretToRef": {"name": "conn", "namespace": "prod"},
            "variable": {"bucket": "b", "acl": None, "deleteResource": False},
        },
        "status": {"apply": {}, "destroy": {}},
    }


def test_a_module_in_a_repository_takes_any_variable(
    evaluator: Evaluator,
) -> None:
    """Including `region`; `path` comes from the definition."""
    found = made(
        evaluator,
        defined(REMOTE),
        "{region: eu, path: mine, size: 2.0, providerRef: {name: own}}",
    )
    assert found["spec"] == {
        "gitRef": {},
        "remote": "https://example.com/modules.git",
        "path": "oss",
        "providerRef": {"name": "own"},
        "variable": {"region": "eu", "path": "mine", "size": 2},
    }


def test_definitions_set_defaults_of_components(
    evaluator: Evaluator,
) -> None:
    """The Secret for connections, and the provider."""
    fields = {
        "writeConnectionSecretToRef": {"name": "c"},
        "providerRef": {"name": "p", "namespace": "ops"},
        "region": "eu",
    }
    spec = made(
        evaluator,
        defined({**REMOTE, **fields}),
        "{writeConnectionSecretToRef: null}",
    )["spec"]
    assert spec["writeConnectionSecretToRef"] == {
        "name": "c",
        "namespace": "prod",
    }
    assert (spec["providerRef"], "customRegion" in spec) == (
        {"name": "p", "namespace": "ops"},
        False,
    )


@pytest.mark.parametrize(
    ("schematic", "properties", "finding"),
    [
        ({"configuration": HCL}, "{buket: b}", "shop.yaml:8:20: OAM102: unknown field 'buket' in app; did you mean 'bucket'?"),
        (REMOTE, "{writeConnectionSecretToRef: conn}", "OAM103: writeConnectionSecretToRef must be of type null or object"),
        (REMOTE, "{writeConnectionSecretToRef: {nme: a}}", "OAM102: unknown field 'nme' in writeConnectionSecretToRef"),
        (REMOTE, "{providerRef: {}}", "OAM105: providerRef needs 'name'"),
        (REMOTE, "{path: 5}", "OAM103: path must be of type "),
    ],
)  # fmt: skip
def test_properties_that_can_be_known_are_checked(
    schematic: JsonObject,
    properties: str,
    finding: str,
    evaluator: Evaluator,
) -> None:
    """The Configuration's fields, and the variables in inline HCL."""
    found = rendered(evaluator, defined(schematic), f"properties: {properties}")
    messages = [
        f"{diagnostic.position}: {diagnostic.code}: {diagnostic.message}"
        for diagnostic in found.diagnostics
    ]
    assert [message for message in messages if finding in message], messages


def test_traits_see_and_change_the_configuration(evaluator: Evaluator) -> None:
    """Like any workload; KubeVela refuses to patch it."""
    trait = 'patch: spec: deleteResource: false\noutputs: x: {apiVersion: "v1", kind: context.output.kind}'
    stack = defined(REMOTE, written("Trait", "keep", trait))
    found = rendered(evaluator, stack, "traits: [{type: keep}]")
    assert not found.diagnostics
    assert found.objects[0].object["spec"]["deleteResource"] is False
    assert found.objects[1].object["kind"] == "Configuration"
