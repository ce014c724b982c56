"""The shape of answers that are kept (`evaluator/request.go`), by which one that was read again is known to be one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import jsonschema_rs

from kong_oam.oam.document import MAX_DEPTH

_TEXT: Final = {"type": "string"}
_NAME: Final = {"type": "string", "minLength": 1}
_ABOVE: Final = 3
"""Levels of an answer above an object."""


def _struct(**fields: Any) -> dict[str, Any]:
    """An object of these fields and no others."""
    return {"type": "object", "properties": fields, "required": [*fields], "additionalProperties": False}


_ABOUT: Final = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {"enum": ["component", "policy", "trait", "workflow-step", "workload"]},
        "attributes": {"properties": {"version": _TEXT}},
    },
}
_LINE: Final = {"type": "integer", "minimum": 1}
_DEFINITION: Final = _struct(definition=_struct(name=_NAME, about=_ABOUT, template=_TEXT, line=_LINE))
_OBJECT: Final = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata"],
    "properties": {
        "apiVersion": _NAME,
        "kind": _NAME,
        "metadata": {
            "type": "object",
            "required": ["name", "labels"],
            "properties": {
                "name": _NAME,
                "namespace": _TEXT,
                "labels": {"type": "object"},
                "annotations": {"type": "object"},
            },
        },
    },
}


@cache
def _rendered(traits: int) -> jsonschema_rs.Validator:
    """Of a component with so many traits: its workload, then what else was made, by which trait."""
    made = _struct(object=_OBJECT, part={"type": "integer", "minimum": -1, "maximum": traits - 1}, key=_TEXT)
    workload = _struct(object=_OBJECT, part={"const": -1}, key={"const": ""})
    objects = {"type": "array", "prefixItems": [workload], "items": made, "minItems": 1}
    return jsonschema_rs.validator_for(_struct(objects=objects))


@cache
def _of(field: str) -> jsonschema_rs.Validator:
    """Of a definition's file, or of an expression whose value is known before anything is deployed."""
    return jsonschema_rs.validator_for(_DEFINITION if field == "file" else _struct(value={}))


def fits(request: Mapping[str, Any], answer: Any) -> bool:
    """Whether it is an answer to this question, and one that is kept: nothing is wrong, nor awaited of a cluster."""
    shape = _rendered(len(request["traits"])) if "component" in request else _of("file" if "file" in request else "")
    return _is_shallow(answer, MAX_DEPTH + _ABOVE) and shape.is_valid(answer)


_NESTING: Final = (dict, list)


def _is_shallow(value: Any, room: int) -> bool:
    """Whether no more levels have anything in them than there is room for; looked at level by level."""
    level = [value] if value and type(value) in _NESTING else []
    while level and room > 0:
        inner = [one.values() if type(one) is dict else one for one in level]
        level = [one for many in inner for one in many if one and type(one) in _NESTING]
        room -= 1
    return not level
