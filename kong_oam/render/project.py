"""The project's own definitions: in its folder, in the stack's setting, and in files with
Applications."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from kong_oam.diagnostics import Diagnostic, Diagnostics, Findings
from kong_oam.oam.definitions.definition import (
    DefinedType,
    Definition,
    Definitions,
)
from kong_oam.oam.definitions.library import library
from kong_oam.oam.files import (
    DEFINITIONS,
    FileNames,
    Naming,
    cannot_be_read,
    files_of,
)
from kong_oam.oam.schema import OWN_TRAITS
from kong_oam.render.answers import Ask
from kong_oam.render.built_in import built_in_types
from kong_oam.render.definition_files import read_definition_file

# The folder of the project's own definitions, if it exists.
FOLDER = "definitions"
# Types that this project implements. KubeVela needs a definition for each; here such a definition
# is ignored.
OWN_TYPES = frozenset(
    {("component", "external"), *(("trait", name) for name in OWN_TRAITS)}
)
_BUILT_IN = "kubevela"
# A file beside the folder of the built-in types, which no other project has.
_MARKER_FILE = "access.schema.json"


@dataclass(frozen=True)
class OwnDefinitions:
    """The project's own definitions, and findings about them.

    `besides` has the definitions in files with Applications, by file. They apply only to these
    Applications.
    """

    definitions: Definitions
    problems: Diagnostics = ()
    besides: Mapping[str, Definitions] = field(default_factory=dict)

    def beside(self, others: Iterable[Definition]) -> OwnDefinitions:
        """Return these definitions with others from files with Applications. A file may be both."""
        known = {*map(_position, self.definitions)}
        besides: dict[str, Definitions] = {}
        for definition in _without_own_types(others):
            if _position(definition) not in known:
                file = definition.position.file
                besides[file] = (*besides.get(file, ()), definition)
        return replace(self, besides=besides)

    def at(self, file: str) -> OwnDefinitions:
        """Return the definitions for the Applications in a file."""
        more = tuple(
            definition
            for definition in self.besides.get(file, ())
            if not self._defined_at(definition)
        )
        return (
            OwnDefinitions((*self.definitions, *more), self.problems)
            if more
            else self
        )

    @cached_property
    def types(self) -> frozenset[DefinedType]:
        """The types that they define for all files."""
        return frozenset(definition.type for definition in self.definitions)

    @cached_property
    def diagnostics(self) -> Diagnostics:
        """The findings about them, alone and together."""
        return (
            *self.problems,
            *library(self.definitions).diagnostics,
            *self._replacements(),
            *self._beside(),
        )

    def _replacements(self) -> Findings:
        for definition in self.definitions:
            if definition.type in built_in_types():
                message = (
                    "this definition replaces the built-in "
                    f"{definition.type[0]} type '{definition.name}'"
                )
                yield Diagnostic(
                    "OAM113", message, definition.position, "warning"
                )

    def _beside(self) -> Findings:
        for definitions in self.besides.values():
            yield from library(definitions).diagnostics
            for definition in definitions:
                if where := self._defined_at(definition):
                    message = (
                        f"{definition.type[0]} type '{definition.name}' is "
                        f"already {where}, and a definition beside "
                        "Applications applies only to them; rename it, or "
                        "move it into definitions/"
                    )
                    yield Diagnostic("OAM106", message, definition.position)

    def _defined_at(self, definition: Definition) -> str:
        """Return where a type is already defined, in any version; empty if it is not."""
        for other in self.definitions:
            if other.type == definition.type:
                return f"defined ({other.position})"
        return "built in" if definition.type in built_in_types() else ""


def definition_files(
    names: FileNames, folder: Path
) -> Iterator[tuple[Path, str]]:
    """Yield the definition files in `names` and in the project's own folder, each once, with a
    problem or "". See oam.files.files_of."""
    usual = folder / FOLDER
    shown = (
        [FOLDER] if os.path.lexists(usual) and not _is_unrelated(usual) else []
    )
    for file, problem in files_of([*shown, *names], folder, DEFINITIONS):
        if not _is_built_in(file):
            yield file, problem


def own_definitions(
    names: FileNames,
    ask: Ask,
    named: Naming = str,
    folder: Path = Path(),
) -> OwnDefinitions:
    """Read the files of `definition_files`. Unreadable files become findings. Raise EvaluatorError
    for CUE without an evaluator."""
    definitions: list[Definition] = []
    problems = []
    for file, problem in definition_files(names, folder):
        name = named(file)
        if problem:
            problems.append(cannot_be_read(name, problem))
        else:
            read = read_definition_file(file, name, ask)
            definitions += read.definitions
            problems += read.diagnostics
    return OwnDefinitions(
        tuple(_without_own_types(definitions)), tuple(problems)
    )


def _without_own_types(
    definitions: Iterable[Definition],
) -> Iterator[Definition]:
    """Yield definitions without the policies and traits that this project implements."""
    built_in = built_in_types()
    for definition in definitions:
        is_policy = (
            definition.type[0] == "policy" and definition.type in built_in
        )
        if not is_policy and definition.type not in OWN_TYPES:
            yield definition


def _position(definition: Definition) -> tuple[str, int]:
    return os.path.realpath(definition.position.file), definition.position.line


def _is_unrelated(folder: Path) -> bool:
    """Tell whether a folder has files but no definitions, so that it may have another purpose."""
    found = [*files_of([folder], Path(), DEFINITIONS)]
    return (
        len(found) == 1
        and found[0][1] == DEFINITIONS.empty
        and any(folder.iterdir())
    )


def _is_built_in(file: Path) -> bool:
    """Tell whether a file is in the folder of the built-in types, below the project's folder."""
    return any(
        above.name == _BUILT_IN and (above.parent / _MARKER_FILE).is_file()
        for above in file.parents
    )
