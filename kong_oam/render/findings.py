"""Translate the evaluator's findings to diagnostics with positions in the Application or the
definition. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kong_oam.diagnostics import (
    Diagnostic,
    Findings,
    Position,
    some,
    suggestion,
)
from kong_oam.oam.definitions.definition import Definition
from kong_oam.oam.model import ComponentSpec, Trait
from kong_oam.oam.position import SourcePosition
from kong_oam.oam.schema import dotted, field_hint, shown, type_of
from kong_oam.render.answers import Answer, Finding
from kong_oam.render.requests import MEGABYTES, SECONDS

# The steps of a path in a file.
_Steps = list[str | int]


# CUE's names of types that differ from JSON's.
_TYPES = {
    "bool": "boolean",
    "int": "integer",
    "float": "number",
    "struct": "object",
    "list": "array",
    "bytes": "string",
}
_LIMITS = {
    "time": f"needs more than {SECONDS:g} s of CPU time; simplify it",
    "memory": (
        f"needs more than {MEGABYTES} MB of memory, or is nested too deeply; "
        "simplify it"
    ),
    "life": "was stopped from outside; run the command again",
}
# The limit of lines of a CUE error in one finding.
_LINES = 12
# CUE's error about two values of different types.
_MISMATCHED = re.compile(
    r"conflicting values (?P<first>.+) and (?P<second>.+) "
    r"\(mismatched types (?P<first_type>\w+) and (?P<second_type>\w+)\)\Z"
)
_WHERE = re.compile(r"\(([^()\s]+):(\d{1,6}):(\d{1,6})\)\Z")


def findings(
    component: ComponentSpec, definitions: Sequence[Definition], answer: Answer
) -> Findings:
    """Yield the findings in an answer. `definitions` are the definitions of the question."""
    if "limit" in answer:
        number = _number(answer)
        label = _named(component, number)
        message = f"{label}: the evaluation of its definition {_LIMITS[answer['limit']]}"
        yield Diagnostic(
            "OAM112",
            message,
            _part(component, number).position.at("type"),
            details=(_where(definitions[number + 1]),),
        )
    for finding in answer.get("findings", ()):
        number = _number(finding)
        # The reader already reports properties that are no mapping.
        if isinstance(_part(component, number).properties, Mapping):
            yield _diagnostic(component, definitions[number + 1], finding)


def _diagnostic(
    component: ComponentSpec, definition: Definition, finding: Finding
) -> Diagnostic:
    number = _number(finding)
    part = _part(component, number)
    position = part.position.at("type")
    lines = _words(finding.get("message", ""))
    match finding["kind"]:
        case "failure":
            lines = [_with_lines(line, definition) for line in lines]
            message = (
                f"{_named(component, number)}: its definition fails: {lines[0]}"
            )
            more = ["..."] if len(lines) > _LINES else []
            details = (*lines[1:_LINES], *more, _where(definition))
            return Diagnostic("OAM112", message, position, details=details)
        case "import":
            text, line = _located(finding["message"], definition)
            message = f"{definition.kind} type '{definition.name}': {text}"
            return Diagnostic("OAM108", message, line)
        case "errs":
            message = f"{_named(component, number)}: {lines[0]}"
            details = tuple(lines[1:_LINES])
            return Diagnostic("OAM111", message, position, details=details)
    properties = part.position.at("properties")
    return _of_properties(finding, part.properties, properties, definition.name)


def _of_properties(
    finding: Finding, values: Any, properties: SourcePosition, type_: str
) -> Diagnostic:
    """Return a finding about properties, in the words of the schema checks. `values` are the
    properties."""
    path = [*steps_of(values, finding.get("path", ()))]
    if finding["kind"] == "type":
        path, finding = _exactly(values, path, finding)
    position = properties.at(*path)
    wanted = finding.get("wanted", [])
    value = at(values, path)
    field = dotted(path) or type_
    above = dotted(path[:-1]) or type_
    match finding["kind"]:
        case "unknown":
            unknown = str(path[-1])
            hint = field_hint(unknown, wanted)
            message = f"unknown field '{unknown}' in {above}{hint}"
            return Diagnostic(
                "OAM102", message, properties.at(*path[:-1]).key(unknown)
            )
        case "missing":
            message = f"{type_} needs properties; write them"
            if path:
                message = f"{above} needs '{path[-1]}'"
            return Diagnostic("OAM105", message, position)
        case "type":
            types = sorted({_TYPES.get(name, name) for name in wanted})
            message = f"{field} must be of type {some(types, ' or ')}, not {type_of(value)}"
        case "value":
            hint = suggestion(str(value), map(_option, wanted))
            message = f"{field} cannot be {shown(value)}{hint}"
        case _:
            message = f"{field}: {_words(finding['message'])[0]}"[:300]
    return Diagnostic("OAM103", message, position)


def _option(text: str) -> str:
    """Return a value that CUE allows, without its quotes."""
    return str(json.loads(text)) if text.startswith('"') else text


def _exactly(
    values: Any, path: _Steps, finding: Finding
) -> tuple[_Steps, Finding]:
    """Return the path of a value with a wrong type, and the finding.

    For values in alternatives, CUE may report only the mapping or list around the value. Search
    that for the value; without a match, keep CUE's message.
    """
    found = _MISMATCHED.search(finding["message"])
    here = at(values, path)
    if not found or not here or not isinstance(here, Mapping | list):
        return path, finding
    if type_of(here) in {
        _TYPES.get(name, name)
        for name in found.group("first_type", "second_type")
    }:
        return path, finding
    types = {
        found["second"]: found["first_type"],
        found["first"]: found["second_type"],
    }
    for step, value in (
        here.items() if isinstance(here, Mapping) else enumerate(here)
    ):
        wanted = types.get(json.dumps(value))
        if wanted:
            return [*path, step], {**finding, "wanted": [wanted]}
    return path, {**finding, "kind": "wrong"}


def _number(answer: Answer | Finding) -> int:
    return answer.get("part", -1)


def _named(component: ComponentSpec, number: int) -> str:
    if number < 0:
        return f"{component.type} '{component.name}'"
    return f"trait '{component.traits[number].type}' of '{component.name}'"


def _part(component: ComponentSpec, number: int) -> ComponentSpec | Trait:
    return component if number < 0 else component.traits[number]


def _where(definition: Definition) -> str:
    return f"the definition: {definition.position}"


def _located(text: str, definition: Definition) -> tuple[str, Position]:
    """Return a message without the template position at its end, and that position."""
    found = _WHERE.search(text)
    if not found:
        return text, definition.position
    return text[: found.start()].rstrip(), definition.line(int(found[2]))


def _with_lines(text: str, definition: Definition) -> str:
    """Return a CUE error with positions in the definition's file, if known."""
    found = _WHERE.search(text)
    if not found or found[1] != definition.name or not definition.first_line:
        return text
    line = definition.line(int(found[2]))
    return f"{text[: found.start()]}({line.file}:{line.line})"


def _words(text: str) -> list[str]:
    return text.splitlines() or [""]


def steps_of(values: Any, path: Sequence[str]) -> Iterator[str | int]:
    """Yield the steps of a path, with numbers for lists in the properties."""
    above: _Steps = []
    for step in path:
        exact: str | int = step
        if step.isdecimal() and isinstance(at(values, above), list):
            exact = int(step)
        above.append(exact)
        yield exact


def at(value: Any, path: Sequence[str | int]) -> Any:
    """Return the value at a path in the properties, or None."""
    for step in path:
        try:
            value = value[step]
        except (IndexError, KeyError, TypeError):
            return None
    return value
