"""Validates Applications against JSON Schemas, and reports violations as diagnostics.

The schemas are the contract: `oam/schemas/` for KubeVela's own types, `definitions/` for ours (an editor can use
the same files). Rust's jsonschema validates; this module only says in our words what it found, and where.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from kong_oam.diagnostics import Diagnostic, suggestion
from kong_oam.oam.document import Place

_HERE = Path(__file__).resolve().parent
_DEFINITIONS = (
    _HERE.parent / "definitions",
    _HERE.parents[1] / "definitions",
)  # as a wheel has them, and as the project
_FOLDERS = (_HERE / "schemas", *(folder for folder in _DEFINITIONS if folder.is_dir()))

COMPONENT_TYPES = ("external", "webservice", "worker")
TRAIT_TYPES = ("access", "client", "gateway")

_UNSUPPORTED: Mapping[str, str] = {
    "policies": "policies are not deployed; a stack is one environment",
    "workflow": "workflows are not run; the graph orders everything",
    "inputs": "pass values through the graph instead: the client trait gives a component all it needs to call another",
    "outputs": "pass values through the graph instead: the client trait gives a component all it needs to call another",
    "scopes": "health scopes are gone from KubeVela too; an API's scopes are declared in its access trait",
    "externalRevision": "revisions are not kept; Git keeps them",
}


@cache
def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of one type. Raises FileNotFoundError for a name that is no type."""
    for folder in _FOLDERS:
        for file in (folder / f"{name}.json", folder / f"{name}.schema.json"):
            if file.is_file():
                loaded: dict[str, Any] = json.loads(file.read_text("utf-8"))
                return loaded
    raise FileNotFoundError(f"no schema named {name}")


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
    what = _dotted(error.instance_path) or name
    match error.kind.name:
        case "additionalProperties":
            fields = _properties(name, list(error.schema_path)[:-1])
            for field in kind.get("unexpected", ()):
                if field in _UNSUPPORTED and name == "application":
                    yield Diagnostic("OAM108", f"'{field}': {_UNSUPPORTED[field]}", place.key(field))
                else:
                    hint = suggestion(field, fields)
                    yield Diagnostic("OAM102", f"unknown field '{field}' in {what}{hint}", place.key(field))
        case "required":
            yield Diagnostic("OAM105", f"{what} needs '{kind.get('property', '')}'", place)
        case "type":
            wanted = " or ".join(kind.get("types", ())) or "another type"
            yield Diagnostic("OAM103", f"{what} must be of type {wanted}, not {_type_of(error.instance)}", place)
        case "enum":
            options = [str(option) for option in kind.get("options", ())]
            hint = suggestion(str(error.instance), options)
            yield Diagnostic("OAM103", f"{what} cannot be {_shown(error.instance)}{hint}", place)
        case "minItems" | "minProperties" | "minLength":
            yield Diagnostic("OAM103", f"{what} must not be empty", place)
        case "propertyNames":
            yield Diagnostic("OAM103", f"a key of {what}: {kind['error'].message}"[:300], place)
        case "pattern":
            yield Diagnostic("OAM103", f"{what}: {_shown(error.instance)} does not match {kind.get('pattern')}", place)
        case _:
            yield Diagnostic("OAM103", f"{what}: {error.message}"[:300], place)


def _properties(name: str, path: list[str | int]) -> tuple[str, ...]:
    """The properties that the schema knows where the violation is (the path comes with references resolved)."""
    node: Any = schema(name)
    for step in path:
        node = node[step]
    return tuple(node.get("properties", ()))


def _dotted(path: list[str | int]) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


def _type_of(value: Any) -> str:
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    return names.get(type(value), "null")


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
