"""Put the outputs of other components into the properties of a component."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kong_oam.errors import InputError
from kong_oam.oam.model import ComponentSpec
from kong_oam.oam.position import Path
from kong_oam.oam.schema import OWN_TRAITS

_STEP = re.compile(
    r'(?:\A|\.)([A-Za-z_$][\w$-]{0,252})|(?:\A|\.)"([^"\\]{1,253})"'
    r'|\[([0-9]{1,4})\]|\["([^"\\]{1,253})"\]'
)
# The limit of steps in a path. The longest path in a definition has fewer than half.
MAX_STEPS = 32


class FieldPathError(InputError):
    """A path at which a value cannot be set. The message says why."""


def path_of(parameter: str) -> Path:
    """Return the path of a value below its component; `properties` is optional in the text. Raise
    FieldPathError."""
    steps: list[str | int] = []
    at = 0
    while found := _STEP.match(parameter, at):
        plain, quoted, number, indexed = found.groups()
        steps.append(int(number) if number else plain or quoted or indexed)
        at = found.end()
    is_whole = at == len(parameter) and not parameter.startswith(".")
    if not is_whole or not 0 < len(steps) <= MAX_STEPS:
        raise FieldPathError(
            "the path is invalid; write it as 'env[0].value', 'properties.x' "
            "or 'traits[0].properties.x'"
        )
    match steps:
        case ["traits", int(), "properties", _, *_] | ["properties", _, *_]:
            return tuple(steps)
        case ["traits", int(), *_] | ["properties"]:
            raise FieldPathError(
                "the path names no field; add a field of the properties of "
                "the component or of a trait"
            )
    return ("properties", *steps)


def with_value(
    component: ComponentSpec, path: Path, value: Any
) -> ComponentSpec:
    """Return the component with the value at a path from `path_of`. Raise FieldPathError."""
    if path[0] == "properties":
        return replace(
            component, properties=_with(component.properties, path[1:], value)
        )
    number = path[1]
    if not isinstance(number, int) or number >= len(component.traits):
        raise FieldPathError(
            f"the component has no traits[{number}]; correct the number"
        )
    trait = component.traits[number]
    if trait.type in OWN_TRAITS:
        raise FieldPathError(
            f"an input cannot set properties of the trait '{trait.type}'; "
            "write them out"
        )
    trait = replace(trait, properties=_with(trait.properties, path[3:], value))
    return replace(
        component,
        traits=(
            *component.traits[:number],
            trait,
            *component.traits[number + 1 :],
        ),
    )


def _with(holder: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    step = path[0]
    below = path[1:]
    if isinstance(step, int):
        return _with_entry(holder, step, below, value)
    if holder is not None and not isinstance(holder, Mapping):
        raise FieldPathError(
            f"'{step}' needs a mapping, but its parent is none; correct the "
            "path"
        )
    fields = dict(holder or {})
    return {**fields, step: _with(fields.get(step), below, value)}


def _with_entry(holder: Any, index: int, below: Path, value: Any) -> list[Any]:
    """Return the list with the value in an entry, or appended."""
    items = [] if holder is None else holder
    if not isinstance(items, list) or index > len(items):
        before = f" with an entry before [{index}]" if index else ""
        raise FieldPathError(f"the path needs a list{before}; correct the path")
    entry = items[index] if index < len(items) else None
    return [*items[:index], _with(entry, below, value), *items[index + 1 :]]
