"""Turns what is named on the command line into settings and estates."""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kong_oam.access.compile.estate import Compiled, compile_estate
from kong_oam.access.model import Estate
from kong_oam.access.paths import written
from kong_oam.access.request_classes import Subtree
from kong_oam.access.settings.assumed import assumed
from kong_oam.access.settings.stack import (
    STACKS,
    Describe,
    Settings,
    plain,
    read_file,
    stack_file,
    stack_names,
)
from kong_oam.cli.command import UsageError
from kong_oam.diagnostics import Diagnostic, Position, errors, some
from kong_oam.oam.application import Reading, ReadOne
from kong_oam.render.stage import Renderer, read_applications

DEFAULT = "local"
"""The stack that is judged by where none is named, unless there is one alone."""


def usual_stack() -> str:
    """The stack that is meant where none is named."""
    names = stack_names()
    return names[0] if len(names) == 1 else DEFAULT


def add_estate(parser: argparse.ArgumentParser) -> None:
    """Add `--stack`, `--applications` and `--definitions`: which estate is asked about."""
    parser.add_argument(
        "--stack",
        default=usual_stack(),
        metavar="NAME",
        help=f"the stack to judge by (default: {DEFAULT}, or the only one)",
    )
    parser.add_argument(
        "--applications",
        "-f",
        nargs="+",
        action="extend",
        metavar="PATH",
        help="files, folders and globs (default: what the stack names, or else applications)",
    )
    parser.add_argument(
        "--definitions",
        nargs="+",
        action="extend",
        metavar="PATH",
        help="where definitions of types are, besides the folder definitions: files, folders and "
        "globs (default: what the stack names)",
    )


def settings_of(
    stack: str, folder: Path = STACKS, describe: Describe = plain
) -> Settings:
    """The settings of the stack; `describe` says how its providers spell tokens. Raises
    StackError."""
    return read_file(stack_file(stack, folder), describe)


def judging_settings(stack: str) -> Settings:
    """The settings of the stack by which Applications are judged. Where no stack is, and none was
    asked for, there are usual ones. Raises StackError."""
    # A repository of a team has Applications and no stack.
    if stack != DEFAULT or not no_stack_is_here():
        return settings_of(stack)
    return assumed(stack, datetime.date.today())


def asked_settings(options: argparse.Namespace) -> Settings:
    """The judging settings of the stack that the options of `add_estate` name, with the definitions
    that these name. Raises StackError."""
    return with_definitions(judging_settings(options.stack), options.definitions)


def with_definitions(settings: Settings, names: Sequence[str] | None) -> Settings:
    """The settings with the definitions that are named on the command line, or else with those that
    they name."""
    return replace(settings, definitions=tuple(names)) if names else settings


def no_stack_is_here() -> bool:
    """Whether the working directory is that of a repository which has nothing but Applications."""
    return not stack_names() and not Path("Pulumi.yaml").exists()


def reading_of(
    names: Iterable[str | Path] | None,
    settings: Settings,
    *,
    named: Callable[[Path], str] = str,
    folder: Path = Path(),
    project: Path | None = None,
    read_one: ReadOne | None = None,
    renderer: Renderer | None = None,
) -> Reading:
    """Reads and renders the Applications that are named on the command line, or else those that the
    stack names; what is named, and how, says kong_oam.render.stage.read_applications. Raises
    EvaluatorError where a type needs an evaluator and there is none."""
    return read_applications(
        settings.applications if names is None else names,
        settings.definitions,
        settings.stack.minor,
        named=named,
        folder=folder,
        project=project,
        read_one=read_one,
        renderer=renderer,
        labels=settings.stack.labels,
    )


def compiled_of(reading: Reading, settings: Settings) -> Compiled:
    """The Applications, compiled to an estate. Raises UsageError with every error where there is
    one."""
    compiled = compile_estate(reading, settings.stack)
    if compiled.estate is None:
        problems = errors(compiled.diagnostics)
        listed = "\n".join(map(str, problems))
        raise UsageError(
            f"{listed}\n{len(problems)} error(s): these Applications would not be "
            f"provisioned{compiled.reservation}"
        )
    return compiled


def estate_of(reading: Reading, settings: Settings) -> Estate:
    """The estate of the Applications. Raises UsageError with every error where there is one."""
    estate = compiled_of(reading, settings).estate
    assert estate  # there is no error
    return estate


def not_judged(names: Iterable[str]) -> str:
    """Says which Applications are not here."""
    return f"not judged, since it is not here: {some(names)}; -f takes its folder, too"


def assumed_of(names: Iterable[str]) -> str:
    """The same, and what answers assume of their clients."""
    return (
        f"{not_judged(names)} (until then, a client of it that a role names counts as asking "
        "for all that it grants)"
    )


def uncalled(estate: Estate, keys: Iterable[str]) -> list[str]:
    """Return those of the components that offer scopes of which no client has any."""
    uncalled = []
    for key in keys:
        component = estate.components.get(key)
        # Without scopes there is nothing that a client could ask for.
        if component is None or not component.scopes:
            continue
        by_clients = estate.held_at(component, users=False)
        if not by_clients and not estate.held_at(component, users=True):
            uncalled.append(key)
    return uncalled


def nobody_yet(keys: Iterable[str]) -> str:
    """Says that nobody may call these components, and why."""
    remedy = (
        "a client asks for its scopes in `calls`, and a role of it names that client"
    )
    return f"nobody may call {', '.join(keys)} yet: {remedy}"


def unjudged_entry(names: Sequence[str]) -> dict[str, Any]:
    """The Applications that are not here, as a field of JSON; nothing where all are."""
    return {"unjudged": [*names]} if names else {}


def place_entry(place: Position | None) -> dict[str, Any] | None:
    """Return a place as JSON has it."""
    if place is None:
        return None
    return {"file": place.file, "line": place.line, "column": place.column}


def diagnostic_entry(diagnostic: Diagnostic) -> dict[str, Any]:
    """A finding as JSON has it."""
    where = place_entry(diagnostic.place) or {}
    return {
        "severity": diagnostic.severity,
        "code": diagnostic.code,
        "message": diagnostic.message,
        **where,
    }


def subtree_entry(subtree: Subtree) -> dict[str, Any]:
    """A subtree as JSON has it: all at and below `path`, or what some servers take for it."""
    return {"path": written(subtree.path), "otherSpellings": subtree.spelled_otherwise}
