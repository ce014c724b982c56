"""One of the two estates of a merge: `A`, which keeps its names, or `B`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import kong_oam.oam.model as oam
from kong_oam.access.data import YamlObject
from kong_oam.access.model import Estate
from kong_oam.access.settings.project import NAMESPACE
from kong_oam.access.settings.values import ProviderSettings, Settings
from kong_oam.diagnostics import Position
from kong_oam.oam.application import Reading
from kong_oam.oam.document import as_mapping
from kong_oam.oam.position import Document, SourcePosition

# The definition of a type, and its position.
DefinedAt = tuple[object, Position]


@dataclass(frozen=True, slots=True)
class MergeSide:
    """An estate with the documents that it comes from.

    `stacks` are the documents of all its stacks' files, the chosen stack first. `lists` are the
    files with its known groups. `definitions` are the types that the project defines.
    """

    estate: Estate
    settings: Settings
    reading: Reading
    stacks: tuple[Document, ...] = ()
    lists: tuple[Document, ...] = ()
    definitions: Mapping[str, DefinedAt] = field(default_factory=dict)

    @property
    def documents(self) -> list[Document]:
        """The documents of the Applications, in order."""
        return [
            application.position.document
            for application in self.reading.applications
        ]

    @property
    def providers(self) -> tuple[ProviderSettings, ...]:
        """The identity providers in its stack's file. Empty without a stack."""
        return self.settings.providers if self.stacks else ()

    def parts(self) -> Iterator[tuple[str, oam.ComponentSpec]]:
        """Yield each component's key with its part of an Application."""
        for application in self.reading.applications:
            for part in application.components:
                yield f"{application.name}/{part.name}", part

    def setting(self, *path: str | int) -> SourcePosition | None:
        """Return the position of a setting in the chosen stack's file; None without a file."""
        if not self.stacks:
            return None
        first, *rest = path
        place = self.stacks[0].position("config")
        return place.at(f"{NAMESPACE}:{first}").at(*rest)


def values_of(document: Document) -> YamlObject:
    """Return the `kong-oam:` values of a stack's document, by name."""
    prefix = f"{NAMESPACE}:"
    config: Mapping[str, object] = as_mapping(
        as_mapping(document.data).get("config")
    )
    return {
        key.removeprefix(prefix): value
        for key, value in config.items()
        if key.startswith(prefix)
    }
