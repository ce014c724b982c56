"""The project's own definitions: those of its folder, of what a stack names, and those beside
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

FOLDER = "definitions"
"""The folder of the project's own definitions, if it has one."""
OWN_WORDS = frozenset(
    {("component", "external"), *(("trait", name) for name in OWN_TRAITS)}
)
"""Types that this project reads itself. KubeVela needs a definition of each, and here one means
nothing."""
_BUILT_IN = "kubevela"
_ONLY_HERE = "access.schema.json"
"""Stands beside the folder of the built-in types, and in no other project's folder."""


@dataclass(frozen=True)
class Own:
    """The project's own definitions, and what is wrong with them.

    `besides`: by file, those that stand beside its Applications. They hold for these alone, whoever
    else is read.
    """

    definitions: Definitions
    problems: Diagnostics = ()
    besides: Mapping[str, Definitions] = field(default_factory=dict)

    def beside(self, others: Iterable[Definition]) -> Own:
        """Return these, and others that stand beside Applications: a file may be named as both."""
        known = {*map(_position, self.definitions)}
        besides: dict[str, Definitions] = {}
        for definition in _others_than_own_words(others):
            if _position(definition) not in known:
                file = definition.position.file
                besides[file] = (*besides.get(file, ()), definition)
        return replace(self, besides=besides)

    def at(self, file: str) -> Own:
        """Return what holds for the Applications of a file."""
        more = tuple(
            definition
            for definition in self.besides.get(file, ())
            if not self._taken(definition)
        )
        return Own((*self.definitions, *more), self.problems) if more else self

    @cached_property
    def types(self) -> frozenset[DefinedType]:
        """The types that they define, everywhere."""
        return frozenset(definition.type for definition in self.definitions)

    @cached_property
    def diagnostics(self) -> Diagnostics:
        """What is wrong with them, alone and together."""
        return (
            *self.problems,
            *library(self.definitions).diagnostics,
            *self._taking_places(),
            *self._beside(),
        )

    def _taking_places(self) -> Findings:
        for definition in self.definitions:
            if definition.type in built_in_types():
                message = f"this takes the place of the built-in {definition.type[0]} type '{definition.name}'"
                yield Diagnostic(
                    "OAM113", message, definition.position, "warning"
                )

    def _beside(self) -> Findings:
        for beside in self.besides.values():
            yield from library(beside).diagnostics
            for definition in beside:
                if where := self._taken(definition):
                    message = (
                        f"{definition.type[0]} type '{definition.name}' is {where} already, and what stands "
                        "beside Applications holds for these alone: rename it, or put it into "
                        "definitions/"
                    )
                    yield Diagnostic("OAM106", message, definition.position)

    def _taken(self, definition: Definition) -> str:
        """Say where there is such a type already, if anywhere: in whatever version."""
        for other in self.definitions:
            if other.type == definition.type:
                return f"defined ({other.position})"
        return "built in" if definition.type in built_in_types() else ""


def definition_files(
    names: FileNames, folder: Path
) -> Iterator[tuple[Path, str]]:
    """Yield the files of definitions that `names` name, and those in the project's own folder below
    `folder`, each once, with what is wrong about it, or nothing (oam.files.files_of)."""
    usual = folder / FOLDER
    shown = (
        [FOLDER]
        if os.path.lexists(usual) and not _holds_others_alone(usual)
        else []
    )
    for file, problem in files_of([*shown, *names], folder, DEFINITIONS):
        if not _is_built_in(file):
            yield file, problem


def own_definitions(
    names: FileNames,
    ask: Ask,
    named: Naming = str,
    folder: Path = Path(),
) -> Own:
    """Read what `definition_files` yields. What cannot be read, or names nothing, is a finding.
    Raises EvaluatorError where a file is in CUE and there is no evaluator."""
    definitions: list[Definition] = []
    problems: list[Diagnostic] = []
    for file, problem in definition_files(names, folder):
        name = named(file)
        if problem:
            problems.append(cannot_be_read(name, problem))
        else:
            read = read_definition_file(file, name, ask)
            definitions += read.definitions
            problems += read.diagnostics
    return Own(tuple(_others_than_own_words(definitions)), tuple(problems))


def _others_than_own_words(
    definitions: Iterable[Definition],
) -> Iterator[Definition]:
    """Yield those that say what a type means here: what KubeVela's own policies mean, this project
    reads itself, too."""
    built_in = built_in_types()
    for definition in definitions:
        is_policy = (
            definition.type[0] == "policy" and definition.type in built_in
        )
        if not is_policy and definition.type not in OWN_WORDS:
            yield definition


def _position(definition: Definition) -> tuple[str, int]:
    return os.path.realpath(definition.position.file), definition.position.line


def _holds_others_alone(folder: Path) -> bool:
    """Tell whether it is a folder with files, none of which is a definition: it need not be one of
    definitions."""
    found = [*files_of([folder], Path(), DEFINITIONS)]
    return (
        len(found) == 1
        and found[0][1] == DEFINITIONS.empty
        and any(folder.iterdir())
    )


def _is_built_in(file: Path) -> bool:
    """Tell whether it is in the folder of the built-in types, which lies below that of this
    project's own."""
    return any(
        above.name == _BUILT_IN and (above.parent / _ONLY_HERE).is_file()
        for above in file.parents
    )
