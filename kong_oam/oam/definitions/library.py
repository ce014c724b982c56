"""Chooses the definition of a type, among those that a stack has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter

from kong_oam.diagnostics import (
    Diagnostic,
    Diagnostics,
    Position,
    some,
    suggestion,
)
from kong_oam.oam.definitions.definition import (
    DefinedType,
    Definition,
    Definitions,
    Kind,
)

_HINT = "; a type of your own needs a definition in definitions/"


@dataclass(frozen=True, slots=True)
class Library:
    """The definitions of a stack: those of the project, and built-in ones that none of these takes
    the place of."""

    definitions: Mapping[DefinedType, Definitions]
    """By the kind and name of the type that they define, the newest version first."""
    diagnostics: Diagnostics = field(default=())


def library(definitions: Iterable[Definition]) -> Library:
    """Collect definitions. One of the project's own wins over a built-in one of that name; two of
    one name and version are an error."""
    by_type: dict[DefinedType, list[Definition]] = {}
    diagnostics: list[Diagnostic] = []
    # Those of the project come first.
    for definition in sorted(definitions, key=attrgetter("built_in")):
        known = by_type.setdefault(definition.type, [])
        if definition.built_in and known and not known[0].built_in:
            continue
        twin = _of_version(known, definition.version)
        if twin is None:
            known.append(definition)
            continue
        message = (
            f"{definition.type[0]} type '{definition.name}' is defined twice (first in "
            f"{twin.position})"
        )
        diagnostics.append(Diagnostic("OAM106", message, definition.position))
    newest_first = {}
    for type_, known in by_type.items():
        known.sort(key=_order, reverse=True)
        newest_first[type_] = tuple(known)
    return Library(newest_first, tuple(diagnostics))


def _of_version(known: Iterable[Definition], version: str) -> Definition | None:
    for definition in known:
        if definition.version == version:
            return definition
    return None


def find(
    stack: Library, kind: Kind, type_: str, position: Position
) -> Definition | Diagnostic:
    """Return the definition of a type as an Application names it at `position`: by its name, or by
    name and version (`webservice@v1`). Of several versions, the newest that fits. OAM104 where
    there is none."""
    name, at, version = type_.partition("@")
    known = stack.definitions.get((kind, name), ())
    if not known:
        names = [
            known_name for of, known_name in stack.definitions if of == kind
        ]
        message = (
            f"unknown {kind} type '{name}'{suggestion(name, names)}{_HINT}"
        )
        return Diagnostic("OAM104", message, position)
    for definition in known:
        if not at or _fits(definition, version):
            return definition
    versions = some(_versions(known)) or "one without a version"
    message = (
        f"{kind} type '{name}' has no version '{version}'; there is: {versions}"
    )
    return Diagnostic("OAM104", message, position)


def _fits(definition: Definition, wanted: str) -> bool:
    """Tell whether a definition is of a version: that very one, one below it (`1.2.3` is of `v1`),
    or a revision's name."""
    if definition.revision and wanted in (
        definition.revision,
        f"{definition.name}-{definition.revision}",
    ):
        return True
    version = definition.version.removeprefix("v")
    wanted = wanted.removeprefix("v")
    return bool(version) and f"{version}.".startswith(f"{wanted}.")


def _versions(known: Iterable[Definition]) -> Iterator[str]:
    for definition in known:
        yield from filter(None, (definition.version, definition.revision))


def _order(definition: Definition) -> tuple[list[int], bool, list[int], str]:
    """Return by what versions are sorted: numbers count as numbers, and `1.2.0-rc.1` comes before
    `1.2.0`; what is no number comes last."""
    release, _, candidate = definition.version.partition("-")
    return (
        _numbers(release),
        not candidate,
        _numbers(candidate),
        definition.version,
    )


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d{1,9}", text)]
