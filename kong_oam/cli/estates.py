"""Turns what is named on the command line into settings and estates."""

from __future__ import annotations

import argparse
import datetime
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from kong_oam.access.compile.estate import Compiled, compile_estate
from kong_oam.access.model import Estate
from kong_oam.access.settings.assumed import assumed
from kong_oam.access.settings.project import STACKS, stack_file
from kong_oam.access.settings.stack import read_file, stack_names
from kong_oam.access.settings.values import Describe, Settings, plain
from kong_oam.cli.command import UsageError
from kong_oam.cli.console import remark
from kong_oam.cli.revisions import revision
from kong_oam.diagnostics import errors, some
from kong_oam.errors import KongOamError
from kong_oam.oam.application import Reading, ReadOne
from kong_oam.oam.files import FileNames, Naming
from kong_oam.render.project import FOLDER
from kong_oam.render.stage import Renderer, read_applications

Names = Sequence[str] | None
"""Files, folders and globs in which Applications or definitions are; None: those that the stack
names."""

DEFAULT = "local"
"""The stack that is judged by where none is named, unless there is one alone."""


def usual_stack() -> str:
    """Return the stack that is meant where none is named."""
    names = stack_names()
    return names[0] if len(names) == 1 else DEFAULT


def add_estate(parser: argparse.ArgumentParser) -> None:
    """Add `--stack`, `--applications` and `--definitions`: which estate is asked about."""
    parser.add_argument(
        "--stack",
        default=usual_stack(),
        metavar="NAME",
        help=f"the stack whose settings apply (default: the only stack, or {DEFAULT})",
    )
    parser.add_argument(
        "--applications",
        "-f",
        nargs="+",
        action="extend",
        metavar="PATH",
        help="Applications: files, folders and globs (default: the stack's, or applications)",
    )
    parser.add_argument(
        "--definitions",
        nargs="+",
        action="extend",
        metavar="PATH",
        help="definitions of types besides the folder `definitions`: files, folders and globs "
        "(default: the stack's)",
    )


def settings_of(
    stack: str, folder: Path = STACKS, describe: Describe = plain
) -> Settings:
    """Return the settings of the stack; `describe` says how its providers spell tokens. Raises
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
    return with_definitions(
        judging_settings(options.stack), options.definitions
    )


def with_definitions(settings: Settings, names: Names) -> Settings:
    """The settings with the definitions that are named on the command line, or else with those that
    they name."""
    return replace(settings, definitions=tuple(names)) if names else settings


def no_stack_is_here() -> bool:
    """Whether the working directory is that of a repository which has nothing but Applications."""
    return not stack_names() and not Path("Pulumi.yaml").exists()


def reading_of(
    names: FileNames | None,
    settings: Settings,
    *,
    named: Naming = str,
    folder: Path = Path(),
    project: Path | None = None,
    read_one: ReadOne | None = None,
    renderer: Renderer | None = None,
) -> Reading:
    """Read and render the Applications that are named on the command line, or else those that the
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


def read_at(
    name: str,
    stack: str,
    applications: Names,
    definitions: Names,
    *,
    prefix: str,
    told_as: str,
) -> tuple[Reading, Settings]:
    """Read the Applications and the settings of a stack at the revision `name`.

    Names of files begin with `prefix`. What is not in the repository is read as it is, and a remark
    says what that is; it begins with `told_as`. Raises UsageError.
    """
    source = revision(name)
    with tempfile.TemporaryDirectory() as temporary:
        top = Path(temporary)
        copy = source.copied(".", top)
        # Settings come first: they name the Applications and definitions that are needed.
        source.extract([STACKS, FOLDER, "Pulumi.yaml"], top)
        try:
            settings = (
                judging_settings(stack)
                if no_stack_is_here()
                else settings_of(stack, copy / STACKS)
            )
            settings = with_definitions(settings, definitions)
            names, foreign = source.checked_out(
                applications or settings.applications, top
            )
            defined_by, others = source.checked_out(settings.definitions, top)
            if foreign or others:
                listed = some([*foreign, *others])
                remark(
                    f"{told_as}: {listed} is outside this repository, so its current files are used; "
                    "to compare its versions, compare two folders"
                )
            files = tuple(str(path.absolute()) for path in defined_by)
            settings_there = replace(settings, definitions=files)

            def named(file: Path) -> str:
                if file.is_relative_to(top):
                    return f"{prefix}{os.path.relpath(file, copy)}"
                return str(file)

            reading = reading_of(
                names, settings_there, named=named, project=copy
            )
            return reading, settings
        except KongOamError as error:
            # The copy is gone when somebody reads the message.
            raise UsageError(
                str(error).replace(f"{copy}/", f"{name}:")
            ) from None


def compiled_of(reading: Reading, settings: Settings) -> Compiled:
    """The Applications, compiled to an estate. Raises UsageError with every error where there is
    one."""
    compiled = compile_estate(reading, settings.stack)
    if compiled.estate is None:
        problems = errors(compiled.diagnostics)
        listed = "\n".join(map(str, problems))
        raise UsageError(
            f"{listed}\n{len(problems)} error(s): these Applications cannot be "
            f"deployed{compiled.reservation}"
        )
    return compiled


def estate_of(reading: Reading, settings: Settings) -> Estate:
    """The estate of the Applications. Raises UsageError with every error where there is one."""
    estate = compiled_of(reading, settings).estate
    assert estate  # there is no error
    return estate


def not_judged(names: Iterable[str]) -> str:
    """Say which Applications are not here."""
    return f"not checked, since its files are missing: {some(names)}; add its folder with -f"


def assumed_of(names: Iterable[str]) -> str:
    """Return the same, and what answers assume of their clients."""
    return (
        f"{not_judged(names)} (until then, its clients are assumed to ask for all scopes of "
        "their roles)"
    )


def uncalled(estate: Estate, keys: Iterable[str]) -> list[str]:
    """Return those of the components that offer scopes of which no client has any."""
    uncalled = []
    for key in keys:
        component = estate.components.get(key)
        # Without scopes there is nothing that a client could ask for.
        if component is None or not component.identity.scopes:
            continue
        by_clients = estate.held_at(component, users=False)
        if not by_clients and not estate.held_at(component, users=True):
            uncalled.append(key)
    return uncalled


def nobody_yet(keys: Iterable[str]) -> str:
    """Say that nobody may call these components, and why."""
    remedy = "add its scopes to `calls` of a client, and the client to a role"
    return f"nobody may call {', '.join(keys)} yet: {remedy}"
