"""The reading verbs as tools: their schemas, and the words of a call."""

from __future__ import annotations

import os
from argparse import Action, ArgumentParser, _AppendAction
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema_rs

from kong_oam.cli.answer_schema import answer_schema
from kong_oam.cli.command import UsageError, quoted
from kong_oam.oam.position import JsonObject

TOOLS = (
    *("check", "diff", "merge", "explain", "who", "what", "matrix", "graph"),
    *("render", "audit replay", "audit unused", "audit impact"),
)
"""Verbs that read files, and that change and contact nothing."""

# Options that write files, print no JSON, or do not end.
_LEFT_OUT = {"help", "json", "output", "format", "sarif", "watch", "markdown"}
_LEFT_OUT |= {"patch", "exit_code", "fix"}
_LIMIT = 50
_LIST = {"type": "array", "items": {"type": "string"}}


def _arguments(parser: ArgumentParser) -> dict[str, Action]:
    """Return the arguments of a tool by name, the operands first."""
    actions = [each for each in parser._actions if each.dest not in _LEFT_OUT]
    actions.sort(key=lambda each: bool(each.option_strings))
    return {action.dest: action for action in actions}


def _is_list(action: Action) -> bool:
    return action.nargs in ("*", "+") or isinstance(action, _AppendAction)


def _property(parser: ArgumentParser, action: Action) -> JsonObject:
    if action.dest == "limit":
        schema: JsonObject = {"type": "integer", "minimum": 1}
        schema["default"] = _LIMIT
    elif action.nargs == 0:
        schema = {"type": "boolean"}
    else:
        schema = {**_LIST} if _is_list(action) else {"type": "string"}
    if action.choices:
        schema["enum"] = [*action.choices]
    text = parser._get_formatter()._expand_help(action) if action.help else ""
    return {**schema, "description": text}


def input_schema(parser: ArgumentParser) -> JsonObject:
    """Return the schema of a verb's arguments."""
    arguments = _arguments(parser)
    return {
        "type": "object",
        "properties": {
            name: _property(parser, action)
            for name, action in arguments.items()
        },
        "required": [
            name
            for name, action in arguments.items()
            if action.required and action.nargs not in ("*", "?")
        ],
        "additionalProperties": False,
    }


def output_schema(parser: ArgumentParser, name: str) -> JsonObject:
    """Return the schema of a result: the exit status, and the verb's answer as data."""
    answer = answer_schema(parser.get_default("answer"), name)
    definitions = answer.pop("$defs")
    return {
        "$schema": answer.pop("$schema"),
        "type": "object",
        "properties": {"exitStatus": {"type": "integer"}, "data": answer},
        "required": ["exitStatus", "data"],
        "additionalProperties": False,
        "$defs": definitions,
    }


def command_words(
    name: str, parser: ArgumentParser, values: Mapping[str, Any], project: Path
) -> list[str]:
    """Return the words of a call. Raises UsageError for a wrong argument, and for a path outside
    the project."""
    schema = input_schema(parser)
    for problem in jsonschema_rs.validator_for(schema).iter_errors({**values}):
        raise UsageError(f"{quoted(name)}: {problem.message}")
    words = name.split()
    for argument, action in _arguments(parser).items():
        value = values.get(argument, _LIMIT if argument == "limit" else None)
        if value is None or value is False:
            continue
        texts = [*map(str, value)] if _is_list(action) else [str(value)]
        for text in texts:
            _check_option(text)
            if argument != "url":
                _check_path(text, project)
        words += _words(action, texts)
    return [*words, "--json"]


def _words(action: Action, texts: Sequence[str]) -> list[str]:
    if not action.option_strings:
        return [*texts]
    option = action.option_strings[0]
    if action.nargs == 0:
        return [option]
    if isinstance(action, _AppendAction) and action.nargs is None:
        return [f"{option}={text}" for text in texts]
    return [option, *texts]


def _check_option(text: str) -> None:
    """Raise UsageError for a text that could be an option."""
    if text.startswith("-"):
        raise UsageError(f"{quoted(text)} begins with a dash: it is no value")


def _check_path(text: str, project: Path) -> None:
    """Raise UsageError for a path outside the project."""
    # A name may stand after a kind, as in `stack:NAME`.
    for name in (text, text.partition(":")[2]):
        try:
            place = os.path.realpath(project / name)
        except ValueError:
            raise UsageError(f"{quoted(text)} is no path") from None
        if not Path(place).is_relative_to(project):
            raise UsageError(f"{quoted(text)} is outside the project")
