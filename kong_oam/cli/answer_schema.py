"""The JSON Schema of a verb's answer, from its type."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import (
    Any,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from kong_oam.cli.entries import Failure
from kong_oam.cli.limit import LEFT
from kong_oam.oam.position import JsonObject

DRAFT = "https://json-schema.org/draft/2020-12/schema"

_PLAIN = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    NoneType: "null",
}


def answer_schema(answer: object, title: str) -> JsonObject:
    """Return the schema of a verb's answer: a type such as `CheckAnswer`, or the answer of a failed
    verb."""
    definitions: JsonObject = {}
    choices = [*_choices(answer), Failure]
    return {
        "$schema": DRAFT,
        "title": title,
        "anyOf": [_schema(choice, definitions) for choice in choices],
        "$defs": definitions,
    }


def _choices(kind: object) -> tuple[Any, ...]:
    """Return the alternatives of a union, or the type itself."""
    is_union = get_origin(kind) in (Union, UnionType)
    return get_args(kind) if is_union else (kind,)


def _schema(kind: Any, definitions: JsonObject) -> JsonObject:
    """Return the schema of a type. Types with fields get an entry in `definitions`."""
    if is_typeddict(kind):
        name = kind.__name__.removeprefix("_")
        if name not in definitions:
            definitions[name] = {}  # an entry may contain itself
            definitions[name] = _object(kind, definitions)
        return {"$ref": f"#/$defs/{name}"}
    choices = _choices(kind)
    if len(choices) > 1:
        return {"anyOf": [_schema(choice, definitions) for choice in choices]}
    origin = get_origin(kind)
    arguments = get_args(kind)
    if origin is Literal:
        return {"enum": [*arguments]}
    if origin is list:
        (entry,) = arguments
        return {"type": "array", "items": _schema(entry, definitions)}
    if origin is dict:
        _, value = arguments
        values = _schema(value, definitions)
        return {"type": "object", "additionalProperties": values}
    return {} if kind is Any else {"type": _PLAIN[kind]}


def _object(kind: type, definitions: JsonObject) -> JsonObject:
    """Return the schema of an object. Each list may be cut, and `left` counts the cut entries."""
    properties: JsonObject = {}
    required = []
    lists = []
    for name, hint in get_type_hints(kind, include_extras=True).items():
        is_optional = get_origin(hint) is NotRequired
        value = get_args(hint)[0] if is_optional else hint
        properties[name] = _schema(value, definitions)
        if not is_optional:
            required.append(name)
        if any(get_origin(choice) is list for choice in _choices(value)):
            lists.append(name)
    if lists:
        properties[LEFT] = {
            "description": "The number of entries that --limit leaves out, by list.",
            "type": "object",
            "properties": {name: {"type": "integer"} for name in lists},
            "additionalProperties": False,
        }
    return {
        "description": " ".join((kind.__doc__ or "").split()),
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
