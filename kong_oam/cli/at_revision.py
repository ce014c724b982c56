"""Reads the Applications of the project here as they were at a git revision."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kong_oam.access.settings.stack import STACKS, Settings
from kong_oam.cli.command import UsageError
from kong_oam.cli.console import remark
from kong_oam.cli.estates import (
    judging_settings,
    no_stack_is_here,
    reading_of,
    settings_of,
    with_definitions,
)
from kong_oam.cli.revisions import revision
from kong_oam.diagnostics import some
from kong_oam.errors import KongOamError
from kong_oam.oam.application import Reading
from kong_oam.render.project import FOLDER

Names = Sequence[str] | None
"""Files, folders and globs in which Applications or definitions are; None: those that the stack
names."""


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
                    f"{told_as}: not in this repository, and read as it is now: {listed}; to see "
                    "what changes there, compare two folders"
                )
            files = tuple(str(path.absolute()) for path in defined_by)
            settings_there = replace(settings, definitions=files)

            def named(file: Path) -> str:
                if file.is_relative_to(top):
                    return f"{prefix}{os.path.relpath(file, copy)}"
                return str(file)

            reading = reading_of(names, settings_there, named=named, project=copy)
            return reading, settings
        except KongOamError as error:
            # The copy is gone when somebody reads the message.
            raise UsageError(str(error).replace(f"{copy}/", f"{name}:")) from None
