"""Validate Applications against JSON Schemas, and report violations as diagnostics.

The schemas are in `oam/schemas/` (KubeVela's types), `definitions/` and `traits/*/schema.json` (our
types). `editor` combines them for editors. Rust's jsonschema validates; this module adds messages
and positions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from functools import cache, reduce
from operator import getitem
from pathlib import Path
from typing import Any

import jsonschema_rs

from kong_oam.diagnostics import (
    Diagnostic,
    Findings,
    nearest,
    some,
    suggestion,
)
from kong_oam.oam.position import Fields, Names, SourcePosition

_PACKAGE = Path(__file__).resolve().parents[1]
_OF_TRAITS = {
    file.parent.name.replace("_", "-"): file
    for file in sorted(_PACKAGE.glob("traits/*/schema.json"))
}
_FILES = {**_OF_TRAITS, "invariants": _PACKAGE / "invariants" / "schema.json"}
# A wheel has our definitions in the package; the project has them beside it.
for _folder in (_PACKAGE.parent, _PACKAGE, _PACKAGE / "oam"):
    for _file in (
        *_folder.glob("definitions/*.json"),
        *_folder.glob("schemas/*.json"),
    ):
        _FILES[_file.name.partition(".")[0]] = _file

COMPONENT_TYPES = ("external", "webservice", "worker")
_BESIDE_PROPERTIES = ("dependsOn", "inputs", "outputs", "traits")

# Traits that configure the gateway before a component, apart from access. Each folder of
# `kong_oam/traits` with a schema is one.
EDGE_TRAITS = tuple(_OF_TRAITS)

# Traits that this project implements.
OWN_TRAITS = ("access", "client", *EDGE_TRAITS)
TRAIT_TYPES = tuple(sorted((*OWN_TRAITS, "gateway")))
POLICY_TYPES = (
    "apply-once",
    "garbage-collect",
    "override",
    "read-only",
    "resource-update",
    "shared-resource",
    "take-over",
    "topology",
)
STEP_TYPES = ("apply-component", "deploy")


# A JSON Schema or a part of one.
#
# This type marks the edge to `definitions/`, editors and the validating library.
JsonSchema = dict[str, Any]


@cache
def schema(name: str) -> JsonSchema:
    """Return the JSON Schema of a type. Raise KeyError for an unknown type."""
    loaded: JsonSchema = json.loads(_FILES[name].read_text("utf-8"))
    return loaded


def pruned(name: str, data: Any) -> Any:
    """Return the data without nulls for fields of the schema `name`. Parts without a schema, such
    as properties, stay unchanged."""
    if _validator(name).is_valid(data):  # such a null makes the data invalid
        return data
    return _pruned(data, schema(name), schema(name).get("$defs", {}))


def _pruned(value: Any, node: JsonSchema, types: JsonSchema) -> Any:
    if "$ref" in node:
        node = types[node["$ref"].rpartition("/")[2]]
    if isinstance(value, list):
        return [_pruned(item, node.get("items", {}), types) for item in value]
    if not isinstance(value, dict):
        return value
    known = node.get("properties", {})
    free = node.get("additionalProperties") or None
    result = {}
    for field, below in value.items():
        of_field = known.get(field, free)
        if of_field is None:
            result[field] = below
        elif below is not None:
            result[field] = _pruned(below, of_field, types)
    return result


@cache
def _validator(name: str) -> Any:
    return jsonschema_rs.validator_for(schema(name))


def violations(
    name: str, data: Any, position: SourcePosition, *below: str
) -> Findings:
    """Yield every violation of the schema `name` in `data`, which is at `position` or `below`."""
    for error in _validator(name).iter_errors(data):
        where = position.at(*below, *error.instance_path)
        kind: Fields = error.kind.as_dict()
        field = dotted(error.instance_path) or name
        if error.kind.name == "additionalProperties":
            known = properties_at(schema(name), [*error.schema_path][:-1])
            for unknown in kind["unexpected"]:
                hint = field_hint(unknown, known)
                message = f"unknown field '{unknown}' in {field}{hint}"
                yield Diagnostic("OAM102", message, where.key(unknown))
        elif error.kind.name == "required":
            message = f"{field} needs '{kind['property']}'"
            yield Diagnostic("OAM105", message, where)
        else:
            yield Diagnostic("OAM103", _wrong_value(field, error, kind), where)


def _wrong_value(field: str, error: Any, kind: Fields) -> str:
    match error.kind.name:
        case "type":
            wanted = some(kind["types"], " or ")
            return f"{field} must be of type {wanted}, not {type_of(error.instance)}"
        case "enum":
            hint = suggestion(str(error.instance), map(str, kind["options"]))
            return f"{field} cannot be {shown(error.instance)}{hint}"
        case "minItems" if kind["limit"] > 1:
            return f"{field} needs at least {kind['limit']} entries"
        case "minItems" | "minProperties" | "minLength":
            return f"{field} must not be empty"
        case "propertyNames":
            return f"a key of {field}: {kind['error'].message}"[:300]
        case "pattern":
            value = shown(error.instance)
            hint = _name_hint(error.instance, kind["pattern"])
            return f"{field}: {value} does not match {kind['pattern']}{hint}"
        case _:
            return f"{field}: {error.message}"[:300]


def _name_hint(name: str, pattern: str) -> str:
    """Return a similar name that matches, if the pattern is of Applications and namespaces."""
    if pattern != schema("application")["$defs"]["dnsLabel"]["pattern"]:
        return ""
    similar = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")
    return f"; write '{similar}'" if similar else ""


def field_hint(field: str, known: Iterable[str]) -> str:
    """Return what to do about an unknown field: move it to the component, or correct it."""
    if field in _BESIDE_PROPERTIES and not nearest(field, known):
        return "; it belongs beside 'properties': move it there"
    return suggestion(field, known)


def properties_at(node: Any, path: Iterable[str | int]) -> Names:
    """Return the properties that a schema knows at a path. References in the path are resolved."""
    return tuple(reduce(getitem, path, node).get("properties", ()))


def dotted(path: Sequence[str | int]) -> str:
    """Return a path as messages show it: `ports[0].port`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


def type_of(value: Any) -> str:
    """Return JSON Schema's name for the type of a value."""
    names = {
        dict: "object",
        list: "array",
        str: "string",
        bool: "boolean",
        int: "integer",
        float: "number",
    }
    return names.get(type(value), "null")


def shown(value: Any) -> str:
    """Return a value as messages show it: JSON, cut after 60 characters."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
