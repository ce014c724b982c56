"""Find the definition of a type among the definitions of a stack."""

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
)
from kong_oam.oam.definitions.definition import (
    DefinedType,
    Definition,
    Definitions,
    Kind,
)


@dataclass(frozen=True, slots=True)
class Library:
    """The definitions of a stack: its own, and the built-in types that they do not replace."""

    # Definitions by the kind and name of their type; the newest version first.
    definitions: Mapping[DefinedType, Definitions]
    diagnostics: Diagnostics = field(default=())


def library(definitions: Iterable[Definition]) -> Library:
    """Collect definitions. A project's definition replaces a built-in definition of the same name.
    Report two definitions with one name and version as OAM106."""
    by_type: dict[DefinedType, list[Definition]] = {}
    diagnostics = []
    # The project's definitions come first.
    for definition in sorted(definitions, key=attrgetter("built_in")):
        known = by_type.setdefault(definition.type, [])
        if definition.built_in and known and not known[0].built_in:
            continue
        duplicate = _find_version(known, definition.version)
        if duplicate is None:
            known.append(definition)
            continue
        message = (
            f"{definition.type[0]} type '{definition.name}' is defined twice (first in "
            f"{duplicate.position})"
        )
        diagnostics.append(Diagnostic("OAM106", message, definition.position))
    newest_first = {}
    for type_, known in by_type.items():
        known.sort(key=_order, reverse=True)
        newest_first[type_] = tuple(known)
    return Library(newest_first, tuple(diagnostics))


def _find_version(
    known: Iterable[Definition], version: str
) -> Definition | None:
    for definition in known:
        if definition.version == version:
            return definition
    return None


def find(
    stack: Library, kind: Kind, type_: str, position: Position
) -> Definition | Diagnostic:
    """Return the definition of a type that an Application names at `position`.

    The name may have a version (`webservice@v1`); the newest matching version wins. Return OAM104
    if none matches.
    """
    name, at, version = type_.partition("@")
    known = stack.definitions.get((kind, name), ())
    for definition in known:
        if not at or _fits(definition, version):
            return definition
    versions = some(_versions(known)) or "one without a version"
    message = (
        f"{kind} type '{name}' has no version '{version}'; known: {versions}"
    )
    return Diagnostic("OAM104", message, position)


def _fits(definition: Definition, wanted: str) -> bool:
    """Tell whether a definition matches a version: equal, below it (`1.2.3` matches `v1`), or the
    name of a revision."""
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
    """Return the sort key of a version: numbers sort as numbers, `1.2.0-rc.1` before `1.2.0`, text
    first."""
    release, _, candidate = definition.version.partition("-")
    return (
        _numbers(release),
        not candidate,
        _numbers(candidate),
        definition.version,
    )


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d{1,9}", text)]
