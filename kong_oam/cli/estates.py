"""Settings and estates for the arguments of the command line."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from kong_oam.access.absent import absent_members
from kong_oam.access.compile.estate import Compiled, compile_estate
from kong_oam.access.model import Estate
from kong_oam.access.settings.assumed import assumed
from kong_oam.access.settings.project import STACKS, stack_file
from kong_oam.access.settings.stack import read_file, stack_names
from kong_oam.access.settings.values import Describe, Settings, plain
from kong_oam.cli.command import UsageError
from kong_oam.cli.console import print_note
from kong_oam.cli.revisions import revision
from kong_oam.diagnostics import errors, some
from kong_oam.errors import KongOamError
from kong_oam.invariants.file import file_of
from kong_oam.invariants.file import read_file as read_invariants
from kong_oam.invariants.model import InvariantsFile
from kong_oam.oam.application import Reading, ReadOne
from kong_oam.oam.files import FileNames, Naming
from kong_oam.render.project import FOLDER
from kong_oam.render.stage import Renderer, read_applications

Names = Sequence[str] | None
"""Files, folders and globs with Applications or definitions. None means the names in the stack's
settings."""

DEFAULT = "local"
"""The default stack, unless there is exactly one stack."""


def default_stack() -> str:
    """Return the stack for commands without `--stack`."""
    names = stack_names()
    return names[0] if len(names) == 1 else DEFAULT


def add_estate(parser: ArgumentParser) -> None:
    """Add the options that select an estate: `--stack`, `--applications` and `--definitions`."""
    parser.add_argument(
        "--stack",
        "-s",
        default=default_stack(),
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


def estate_words(options: Namespace) -> tuple[str, ...]:
    """Return the given options of `add_estate` as words of a command."""
    words: list[str] = []
    if options.stack != default_stack():
        words += "--stack", options.stack
    if options.applications:
        words += "-f", *options.applications
    if options.definitions:
        words += "--definitions", *options.definitions
    return tuple(words)


def settings_of(
    stack: str, folder: Path = STACKS, describe: Describe = plain
) -> Settings:
    """Return the settings of the stack. `describe` returns the token format of its providers.
    Raises StackError."""
    return read_file(stack_file(stack, folder), describe)


def settings_or_defaults(stack: str) -> Settings:
    """Return the settings with which Applications are checked. Without any stack and without
    `--stack`, these are default settings. Raises StackError."""
    # The repository of a team has Applications, but no stack.
    if stack != DEFAULT or not has_no_stack():
        return settings_of(stack)
    return assumed(stack, date.today())


def selected_settings(options: Namespace) -> Settings:
    """Return the settings for the options of `add_estate`, with their definitions. Raises
    StackError."""
    return with_definitions(
        settings_or_defaults(options.stack), options.definitions
    )


def with_definitions(settings: Settings, names: Names) -> Settings:
    """Return the settings with the definitions of the command line, if there are any."""
    return replace(settings, definitions=tuple(names)) if names else settings


def has_no_stack() -> bool:
    """Return whether the working directory has only Applications, and no stack."""
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
    """Read and render the Applications of the command line, or else of the stack. See
    kong_oam.render.stage.read_applications for the parameters. Raises EvaluatorError if a type
    needs an evaluator and none is installed."""
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
    label: str,
) -> tuple[Reading, Settings, InvariantsFile]:
    """Read the Applications, the settings and the invariants of a stack at the revision `name`.

    Names of files begin with `prefix`. Files outside the repository are read in their current
    state, and a remark, which begins with `label`, lists them. Raises UsageError.
    """
    source = revision(name)
    with TemporaryDirectory() as temporary:
        top = Path(temporary)
        copy = source.target_path(".", top)
        # Read the settings first: they name the Applications and definitions.
        source.extract([STACKS, FOLDER, "Pulumi.yaml"], top)
        try:
            settings = (
                settings_or_defaults(stack)
                if has_no_stack()
                else settings_of(stack, copy / STACKS)
            )
            settings = with_definitions(settings, definitions)
            source.extract([str(file_of(settings))], top)
            names, foreign = source.check_out(
                applications or settings.applications, top
            )
            definition_files, others = source.check_out(
                settings.definitions, top
            )
            if foreign or others:
                listed = some([*foreign, *others])
                print_note(
                    f"{label}: outside this repository, so read in the current state: {listed}; to "
                    "compare versions, compare two folders"
                )
            files = tuple(str(path.absolute()) for path in definition_files)
            revision_settings = replace(settings, definitions=files)

            def named(file: Path) -> str:
                if file.is_relative_to(top):
                    return f"{prefix}{os.path.relpath(file, copy)}"
                return str(file)

            reading = reading_of(
                names, revision_settings, named=named, project=copy
            )
            return reading, settings, read_invariants(settings, copy)
        except KongOamError as error:
            # The message must not name the temporary copy.
            summary = error.summary.replace(f"{copy}/", f"{name}:")
            raise UsageError(summary, error.findings) from None


def compiled_of(reading: Reading, settings: Settings) -> Compiled:
    """Compile the Applications to an estate. Raises UsageError with all errors."""
    compiled = compile_estate(reading, settings.stack)
    if compiled.estate is None:
        problems = errors(compiled.diagnostics)
        raise UsageError(
            f"{len(problems)} error(s): these Applications cannot be "
            f"deployed{compiled.reservation}",
            problems,
        )
    return compiled


def estate_of(reading: Reading, settings: Settings) -> Estate:
    """Return the estate of the Applications. Raises UsageError with all errors."""
    estate = compiled_of(reading, settings).estate
    assert estate  # no errors
    return estate


def read_estate(names: FileNames | None, settings: Settings) -> Estate:
    """Read and compile the Applications, as `reading_of` and `estate_of` do."""
    return estate_of(reading_of(names, settings), settings)


def missing_applications_note(names: Iterable[str]) -> str:
    """Return a sentence that lists the missing Applications."""
    return (
        f"Applications without files here are not checked: {some(names)}; "
        "add their folders with -f"
    )


def assumption_notes(estate: Estate, names: Sequence[str]) -> list[str]:
    """Return the same sentence, with the assumption about clients of missing Applications, and the
    roles that name deleted components."""
    assumption = (
        f"{missing_applications_note(names)} (until then, their "
        "clients are assumed to ask for all scopes of their roles)"
    )
    return [assumption] * bool(names) + role_notes(estate)


def role_notes(estate: Estate) -> list[str]:
    """Return a sentence for each role that names components without an Application here."""
    return [
        f"{role.position}: role '{role.name}' names {some(members)}, which "
        "no Application here has; if it was deleted, remove it from the role"
        for _, role, members in absent_members(estate)
    ]


def without_clients(estate: Estate, keys: Iterable[str]) -> list[str]:
    """Return the components with scopes that no client has."""
    found = []
    for key in keys:
        component = estate.components.get(key)
        # A component without scopes has no calls to ask for.
        identity = component.identity if component else None
        if component and identity and identity.scopes:
            if any(caller.scopes for caller in identity.old_callers):
                continue
            by_clients = estate.granted_at(component, users=False)
            if not by_clients and not estate.granted_at(component, users=True):
                found.append(key)
    return found


def no_callers_note(keys: Iterable[str]) -> str:
    """Return a sentence with the reason why nobody may call these components."""
    remedy = "add its scopes to `calls` of a client, and the client to a role"
    return f"nobody may call {some(keys)} yet: {remedy}"
