"""Our traits' definitions say the same to KubeVela as their JSON Schemas say to us."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

DEFINITIONS = Path(__file__).resolve().parents[3] / "definitions"


KINDS = {"access": "TraitDefinition", "client": "TraitDefinition", "external": "ComponentDefinition"}


@pytest.mark.parametrize("name", KINDS)
def test_the_definition_has_the_fields_of_the_schema(name: str) -> None:
    """Every field name of the schema is one of the CUE parameter, required where it is, and the other way round."""
    definition = yaml.safe_load((DEFINITIONS / f"{name}.yaml").read_text())
    assert (definition["kind"], definition["metadata"]["name"]) == (KINDS[name], name)
    cue = definition["spec"]["schematic"]["cue"]["template"].partition("output:")[0]
    schema = json.loads((DEFINITIONS / f"{name}.schema.json").read_text())
    assert set(re.findall(r"(\w+\??):", cue)) - {"parameter"} == set(_fields(schema))


def _fields(node: object) -> list[str]:
    found: list[str] = []
    if isinstance(node, dict):
        required = node.get("required", [])
        for name, below in node.get("properties", {}).items():
            found += [name if name in required else f"{name}?", *_fields(below)]
        for key in ("items", "additionalProperties"):
            found += _fields(node.get(key))
        for below in node.get("$defs", {}).values():
            found += _fields(below)
    return found
