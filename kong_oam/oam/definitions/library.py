"""Chooses the definition of a type, among those that a stack has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from kong_oam.diagnostics import Diagnostic, Position, some, suggestion
from kong_oam.oam.definitions.definition import Definition, Kind

_HINT = "; a type of your own needs a definition in definitions/"


@dataclass(frozen=True, slots=True)
class Library:
    """The definitions of a stack: those of the project, and built-in ones that none of these takes
    the place of."""

    definitions: Mapping[tuple[Kind, str], tuple[Definition, ...]]
    """By the kind and name of the type that they define, the newest version first."""
    diagnostics: tuple[Diagnostic, ...] = field(default=())


def library(definitions: Iterable[Definition]) -> Library:
    """Collects definitions. One of the project's own wins over a built-in one of that name; two of
    one name and version are an error."""
    by_name: dict[tuple[Kind, str], list[Definition]] = {}
    diagnostics: list[Diagnostic] = []
    for definition in sorted(definitions, key=lambda one: one.built_in):
        known = by_name.setdefault(definition.type, [])
        if definition.built_in and any(not one.built_in for one in known):
            continue
        if twin := next(
            (one for one in known if one.version == definition.version), None
        ):
            message = (
                f"{definition.type[0]} type '{definition.name}' is defined twice (first in "
                f"{twin.place})"
            )
            diagnostics.append(Diagnostic("OAM106", message, definition.place))
        else:
            known.append(definition)
    for known in by_name.values():
        known.sort(key=lambda one: _order(one.version), reverse=True)
    return Library(
        {key: tuple(known) for key, known in by_name.items()}, tuple(diagnostics)
    )


def find(
    stack: Library, kind: Kind, type_: str, place: Position
) -> Definition | Diagnostic:
    """The definition of a type as an Application names it at `place`: by its name, or by name and
    version (`webservice@v1`). Of several versions, the newest that fits. OAM104 where there is
    none."""
    name, at, version = type_.partition("@")
    known = stack.definitions.get((kind, name), ())
    if not known:
        hint = suggestion(name, [one for of, one in stack.definitions if of == kind])
        return Diagnostic("OAM104", f"unknown {kind} type '{name}'{hint}{_HINT}", place)
    fitting = [one for one in known if not at or _fits(one, version)]
    if not fitting:
        versions = some(_versions(known)) or "one without a version"
        return Diagnostic(
            "OAM104",
            f"{kind} type '{name}' has no version '{version}'; there is: {versions}",
            place,
        )
    return fitting[0]


def _fits(definition: Definition, wanted: str) -> bool:
    """Whether a definition is of a version: that very one, one below it (`1.2.3` is of `v1`), or a
    revision's name."""
    if definition.revision and wanted in (
        definition.revision,
        f"{definition.name}-{definition.revision}",
    ):
        return True
    version, wanted = definition.version.removeprefix("v"), wanted.removeprefix("v")
    return bool(version) and f"{version}.".startswith(f"{wanted}.")


def _versions(known: Iterable[Definition]) -> Iterator[str]:
    for one in known:
        yield from (text for text in (one.version, one.revision) if text)


def _order(version: str) -> tuple[list[int], bool, list[int], str]:
    """Numbers count as numbers, and `1.2.0-rc.1` comes before `1.2.0`; what is no number comes
    last."""
    release, _, candidate = version.partition("-")
    numbers, more = (
        [int(number) for number in re.findall(r"\d{1,9}", part)]
        for part in (release, candidate)
    )
    return numbers, not candidate, more, version
