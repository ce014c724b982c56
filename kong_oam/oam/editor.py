"""Build one JSON Schema for a whole Application, for editors. `type` selects component types and
traits.

It uses the schemas of the reader and accepts the same documents, as far as one document shows.
Branches use if and then: editors cannot explain a failed `oneOf`. Editors know the extensions
`deprecationMessage`, `enumDescriptions` and `errorMessage`; validators ignore them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from kong_oam.oam.plain import (
    INGRESS_HINT,
    INGRESS_ONLY,
    REPEATED,
    misplaced_trait,
    plain_traits,
)
from kong_oam.oam.schema import (
    COMPONENT_TYPES,
    POLICY_TYPES,
    STEP_TYPES,
    TRAIT_TYPES,
    JsonSchema,
    schema,
)

_OF_ANOTHER_VERSION = {
    "kind": {"not": {"const": "Application"}},
    "apiVersion": {"not": {"const": "core.oam.dev/v1beta1"}},
}
_OF_ANOTHER_KIND = {
    "kind": {
        "type": "string",
        "pattern": "^(Component|Policy|Trait|WorkflowStep|Workload)Definition$",
    }
}
# Use a pattern: while completing, yaml-language-server takes every document for a kind in an
# `enum`.


_LABEL = "^[a-z0-9-]*$"
_OBJECT = "^[a-z0-9.-]*$"


def application_schema() -> JsonSchema:
    """Build the schema, for draft 2020-12. It accepts documents of other kinds, and types with
    custom definitions."""
    application = _resolved(schema("application"))
    _with_nulls(application)
    component = application["properties"]["spec"]["properties"]["components"][
        "items"
    ]
    trait = component["properties"]["traits"]["items"]
    component["properties"]["type"] |= _one_of(COMPONENT_TYPES)
    trait["properties"]["type"] |= _one_of(TRAIT_TYPES)
    plain = [kind for kind in COMPONENT_TYPES if kind != "external"]
    component["allOf"] = [
        _where_type_is("external", _properties_of("external")),
        _where_type_is("external", _traits_of("external")),
        _where_type_is("external", _gateways()),
        *(_where_plain(kind, _properties_of(kind)) for kind in plain),
        _where_plain("webservice", _gateways()),
        _where_plain(
            "webservice", {"properties": {"name": {"pattern": _LABEL}}}
        ),
        _where_plain("worker", {"properties": {"name": {"pattern": _OBJECT}}}),
    ]
    trait["allOf"] = [
        _where_type_is(kind, _properties_of(kind))
        for kind in TRAIT_TYPES
        if kind != "gateway"
    ]
    component["properties"]["traits"]["allOf"] = [
        _at_most_once(kind) for kind in TRAIT_TYPES if kind not in REPEATED
    ]
    spec = application["properties"]["spec"]["properties"]
    policy = spec["policies"]["items"]
    step = spec["workflow"]["properties"]["steps"]["items"]
    for part, types in (
        (policy, POLICY_TYPES),
        (step, STEP_TYPES),
        (step["properties"]["subSteps"]["items"], STEP_TYPES),
    ):
        part["properties"]["type"] |= _one_of(types)
        part["allOf"] = [
            _where_type_is(kind, _properties_of(kind)) for kind in types
        ]
    others = [
        {"required": list(properties), "properties": properties}
        for properties in (_OF_ANOTHER_VERSION, _OF_ANOTHER_KIND)
    ]
    head = {key: application.pop(key) for key in ("$schema", "title")}
    return {
        **head,
        "description": "Made by `python -m kong_oam schema` from the schemas of the "
        "types, for editors.",
        "if": {"not": {"anyOf": others}},
        "then": application,
    }


def _with_nulls(node: JsonSchema) -> None:
    """Allow null for every optional field, as the reader does."""
    fields = node.get("properties", {})
    optional = [*fields.keys() - {*node.get("required", ())}]
    below = [fields[name] for name in optional]
    if free := node.get("additionalProperties"):
        below.append(free)
    for schema_below in below:
        if "type" in schema_below:
            schema_below["type"] = [schema_below["type"], "null"]
        if "enum" in schema_below:
            schema_below["enum"] = [*schema_below["enum"], None]
    for field in fields.values():
        _with_nulls(field)
    if "items" in node:
        _with_nulls(node["items"])


def schema_text() -> str:
    """Return the schema as the text of its file."""
    return f"{json.dumps(application_schema(), indent=2, ensure_ascii=False)}\n"


def _where_type_is(
    kind: str, then: JsonSchema, **more: JsonSchema
) -> JsonSchema:
    return {
        "if": {
            "required": ["type"],
            "properties": {"type": {"const": kind}, **more},
        },
        "then": then,
    }


def _where_plain(kind: str, then: JsonSchema) -> JsonSchema:
    """Return the schema for plain components of a type. Definitions describe the others."""
    traits = {
        "items": {"properties": {"type": {"enum": list(plain_traits(kind))}}}
    }
    return _where_type_is(kind, then, traits=traits)


def _properties_of(kind: str) -> JsonSchema:
    """Return the schema of `properties` for a type. They are optional if no field is required."""
    properties = _resolved(schema(kind))
    del properties["$schema"]
    if kind in (*POLICY_TYPES, *STEP_TYPES):
        _with_nulls(properties)
    if kind == "gateway":
        _as_deployed(properties["properties"])
    if "required" in properties or "then" in properties:
        return {
            "properties": {"properties": properties},
            "required": ["properties"],
        }
    return {
        "properties": {"properties": properties | {"type": ["object", "null"]}}
    }


def _as_deployed(gateway: JsonSchema) -> None:
    """Remove fields of KubeVela's gateway trait that the reader rejects, and mark fields that it
    warns about."""
    del gateway["existingServiceName"]
    gateway["pathType"]["enum"].remove("Exact")
    for field in INGRESS_ONLY:
        gateway[field]["deprecationMessage"] = f"{field} {INGRESS_HINT}"


def _traits_of(kind: str) -> JsonSchema:
    types = _enum(
        trait for trait in TRAIT_TYPES if not misplaced_trait(kind, trait)
    )
    return {
        "properties": {"traits": {"items": {"properties": {"type": types}}}}
    }


def _gateways() -> JsonSchema:
    return {
        "properties": {
            "traits": {
                "items": _where_type_is("gateway", _properties_of("gateway"))
            }
        }
    }


def _at_most_once(kind: str) -> JsonSchema:
    return {
        "contains": {
            "required": ["type"],
            "properties": {"type": {"const": kind}},
        },
        "minContains": 0,
        "maxContains": 1,
        "errorMessage": f"a component can have `{kind}` only once; remove the other",
    }


def _enum(types: Iterable[str]) -> JsonSchema:
    listed = list(types)
    return {
        "enum": listed,
        "enumDescriptions": [schema(kind)["description"] for kind in listed],
    }


def _one_of(types: Iterable[str]) -> JsonSchema:
    """Return the types that an editor suggests. Any other text stays valid."""
    return {"examples": list(types)}


def _resolved(root: JsonSchema) -> JsonSchema:
    """Copy a schema, with each reference to `$defs` replaced by its definition."""

    def copy(node: Any) -> Any:
        if isinstance(node, dict):
            name = node.get("$ref", "").removeprefix("#/$defs/")
            below = {
                key: copy(value)
                for key, value in node.items()
                if key not in ("$ref", "$defs")
            }
            return below | copy(root["$defs"][name]) if name else below
        return [*map(copy, node)] if isinstance(node, list) else node

    resolved: JsonSchema = copy(root)
    return resolved
