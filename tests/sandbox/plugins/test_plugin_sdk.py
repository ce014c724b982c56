"""Inputs of the stand-ins: those that the installed SDKs have, which agree with the official
schemas."""

import importlib
import json

import pytest

from sandbox.plugins import sdk
from tests.support.json_object import JsonObject
from tests.support.repository import DATA

SCHEMAS = DATA / "pulumi"

# The schema file is of pulumi-okta 6.8; the installed SDK renamed inputs of each of these.
NEWER_IN_THE_SDK = {"okta:group/rule:Rule", "okta:trustedorigin/origin:Origin"}


def _schema(provider: str) -> JsonObject:
    file = SCHEMAS / f"{provider}.schema.json"
    if not file.exists():
        pytest.skip(f"{file.name} is not beside this checkout")
    schema: JsonObject = json.loads(file.read_text())
    return schema


def _reasons(token: str, properties: JsonObject) -> dict[str, str]:
    return {
        problem.path: problem.reason
        for problem in sdk.problems(token, properties)
    }


def test_a_misspelt_field_deep_inside_is_named_with_path_value_and_suggestion() -> (
    None
):
    """The official provider's message for a Deployment is the same: path, value, and suggestion."""
    pod = {
        "containers": [{"name": "api", "imag": "registry.example.com/api:1"}]
    }
    deployment = {
        "spec": {
            "selector": {"matchLabels": {"app": "api"}},
            "template": {"spec": pod},
        }
    }
    assert _reasons("kubernetes:apps/v1:Deployment", deployment) == {
        "spec.template.spec.containers[0].imag": (
            "Invalid or unknown key 'imag' (its value: 'registry.example.com/api:1'); did you mean 'image'?"
        )
    }


@pytest.mark.parametrize(
    ("token", "properties", "path", "reason"),
    [
        (
            "kong:index/service:Service",
            {"protocol": 1},
            "protocol",
            "expected a string, got 1",
        ),
        (
            "kong:index/service:Service",
            {"protocol": "http", "port": "80"},
            "port",
            "expected an integer, got '80'",
        ),
        (
            "kong:index/service:Service",
            {"protocol": "http", "port": True},
            "port",
            "expected an integer, got True",
        ),
        (
            "kong:index/service:Service",
            {"protocol": "http", "tags": "a"},
            "tags",
            "expected a list, got 'a'",
        ),
        (
            "kong:index/service:Service",
            {},
            "protocol",
            "Missing required property 'protocol'",
        ),
        (
            "kubernetes:core/v1:Secret",
            {"stringData": {"a": 1}},
            "stringData['a']",
            "expected a string, got 1",
        ),
        (
            "kubernetes:core/v1:Secret",
            {"kind": "Secrets"},
            "kind",
            "expected 'Secret', got 'Secrets'",
        ),
        (
            "time:index/sleep:Sleep",
            {"triggers": []},
            "triggers",
            "expected a map, got []",
        ),
    ],
)
def test_a_wrong_type_is_refused(
    token: str, properties: JsonObject, path: str, reason: str
) -> None:
    """Numbers are no strings, booleans no numbers, and required inputs must be set."""
    assert _reasons(token, properties) == {path: reason}


@pytest.mark.parametrize("provider", ["kong", "okta"])
def test_inputs_are_those_of_the_official_schema(provider: str) -> None:
    """Same names, and the same required inputs, for every resource of the schema."""
    for token, resource in _schema(provider)["resources"].items():
        if token in NEWER_IN_THE_SDK:
            continue
        inputs = sdk.inputs_of(token)
        assert set(inputs.hints) == set(resource["inputProperties"]), token
        assert inputs.required == set(resource.get("requiredInputs", ())), token


@pytest.mark.parametrize("provider", ["kong", "okta"])
def test_replacements_secrets_and_outputs_are_those_of_the_official_schema(
    provider: str,
) -> None:
    """A stand-in's replacements, secrets and outputs equal the official schema's for that resource."""
    plugin = importlib.import_module(f"sandbox.plugins.{provider}").plugin()
    modelled = 0
    for token, described in _schema(provider)["resources"].items():
        try:
            resource = plugin.resource(token)
        except KeyError:
            continue
        modelled += 1
        inputs, outputs = described["inputProperties"], described["properties"]
        assert resource.replaces == {
            name for name, p in inputs.items() if p.get("willReplaceOnChanges")
        }, token
        # The program marks inputs as secret through the SDK, so a stand-in need not.
        secret = {name for name, p in outputs.items() if p.get("secret")}
        assert secret - set(inputs) <= resource.secrets <= secret, token
        assert set(outputs) - set(inputs) <= resource.computed, token
        assert resource.defaults.keys() <= inputs.keys(), token
    assert modelled == {"kong": 9, "okta": 8}[provider]
