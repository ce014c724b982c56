"""Validates Applications against JSON Schemas, and reports violations as diagnostics.

The schemas are the contract: `oam/schemas/` for KubeVela's own types, `definitions/` for ours (an
editor can use the same files). Rust's jsonschema validates; this module only says in our words what
it found, and where.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from kong_oam.diagnostics import Diagnostic, some, suggestion
from kong_oam.oam.document import Place

_HERE = Path(__file__).resolve().parent
# As a wheel has them, and as the project.
_DEFINITIONS = (
    _HERE.parent / "definitions",
    _HERE.parents[1] / "definitions",
)
_FOLDERS = (_HERE / "schemas", *(folder for folder in _DEFINITIONS if folder.is_dir()))

COMPONENT_TYPES = ("external", "webservice", "worker")
EDGE_TRAITS: tuple[str, ...] = (
    "cors",
    "headers",
    "ip-allow",
    "kong-plugin",
    "limits",
    "rate-limit",
    "upstream-tls",
)
"""Traits that say what the gateway does before a component, beside who may call it."""
OWN_TRAITS = ("access", "client", *EDGE_TRAITS)
"""Traits that this project reads itself."""
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


_TRAITS = _HERE.parent / "traits"


@cache
def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of one type. Raises FileNotFoundError for a name that is no type."""
    files = [_TRAITS / name.replace("-", "_") / "schema.json"]
    for folder in _FOLDERS:
        files += [folder / f"{name}.json", folder / f"{name}.schema.json"]
    for file in files:
        if file.is_file():
            loaded: dict[str, Any] = json.loads(file.read_text("utf-8"))
            return loaded
    raise FileNotFoundError(f"no schema named {name}")


def pruned(name: str, data: Any) -> Any:
    """The data without the nulls that stand for a field of the schema `name`, which is missing
    then. What no schema describes, such as what a type is told, stays as it is."""
    if _validator(name).is_valid(data):  # which it is not where such a null is
        return data
    whole = schema(name)

    def kept(value: Any, node: Mapping[str, Any]) -> Any:
        if "$ref" in node:
            node = whole["$defs"][node["$ref"].rpartition("/")[2]]
        if isinstance(value, list):
            return [kept(item, node.get("items", {})) for item in value]
        if not isinstance(value, dict):
            return value
        known, free = node.get("properties", {}), node.get("additionalProperties")
        nodes = {field: known.get(field, free or None) for field in value}
        return {
            field: below if (of := nodes[field]) is None else kept(below, of)
            for field, below in value.items()
            if below is not None or nodes[field] is None
        }

    return kept(data, whole)


@cache
def _validator(name: str) -> Any:
    return jsonschema_rs.validator_for(schema(name))


def violations(name: str, data: Any, place: Place) -> Iterator[Diagnostic]:
    """Yields every violation of the schema `name` in `data`, which stands at `place`."""
    validator = _validator(name)
    if validator.is_valid(data):
        return
    for error in validator.iter_errors(data):
        yield from _finding(name, error, place.at(*error.instance_path))


def _finding(name: str, error: Any, place: Place) -> Iterator[Diagnostic]:
    kind: Mapping[str, Any] = error.kind.as_dict()
    what = dotted(error.instance_path) or name
    match error.kind.name:
        case "additionalProperties":
            fields = _properties(name, list(error.schema_path)[:-1])
            for field in kind.get("unexpected", ()):
                hint = suggestion(field, fields)
                yield Diagnostic(
                    "OAM102",
                    f"unknown field '{field}' in {what}{hint}",
                    place.key(field),
                )
        case "required":
            yield Diagnostic(
                "OAM105", f"{what} needs '{kind.get('property', '')}'", place
            )
        case "type":
            wanted = some(kind.get("types", ()), " or ") or "another type"
            yield Diagnostic(
                "OAM103",
                f"{what} must be of type {wanted}, not {type_of(error.instance)}",
                place,
            )
        case "enum":
            options = [str(option) for option in kind.get("options", ())]
            hint = suggestion(str(error.instance), options)
            yield Diagnostic(
                "OAM103", f"{what} cannot be {shown(error.instance)}{hint}", place
            )
        case "minItems" | "minProperties" | "minLength":
            yield Diagnostic("OAM103", f"{what} must not be empty", place)
        case "propertyNames":
            yield Diagnostic(
                "OAM103", f"a key of {what}: {kind['error'].message}"[:300], place
            )
        case "pattern":
            yield Diagnostic(
                "OAM103",
                f"{what}: {shown(error.instance)} does not match {kind.get('pattern')}",
                place,
            )
        case _:
            yield Diagnostic("OAM103", f"{what}: {error.message}"[:300], place)


def _properties(name: str, path: list[str | int]) -> tuple[str, ...]:
    """The properties that the schema knows where the violation is (the path comes with references
    resolved)."""
    node: Any = schema(name)
    for step in path:
        node = node[step]
    return tuple(node.get("properties", ()))


def dotted(path: Sequence[str | int]) -> str:
    """A path in a document as messages have it: `ports[0].port`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


def type_of(value: Any) -> str:
    """What JSON Schema calls the type of a value."""
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
    """A value as messages have it: JSON, cut after 60 characters."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
