"""The nodes of a Kong without a database, and the document that they load."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypedDict

from kong_oam.access.data import Names, TextList


class DocumentYaml(TypedDict, total=False):
    """The setting `gateway.document`."""

    file: str


@dataclass(frozen=True, slots=True)
class DblessSettings:
    """The nodes of a Kong without a database. `urls`: their Admin APIs. `file`: the document."""

    urls: Names
    file: str


def dbless_settings(
    nodes: TextList | None, document: DocumentYaml | None
) -> DblessSettings | None:
    """Return the checked settings; None if Kong has a database."""
    if not nodes or not document:
        return None
    return DblessSettings(tuple(nodes), document["file"])


def dbless_problems(gateway: Mapping[str, object]) -> Iterator[str]:
    """Yield each problem, starting with the setting's name."""
    if ("nodes" in gateway) != ("document" in gateway):
        yield (
            "gateway: set nodes and document together; each node of a Kong without a database "
            "loads the document"
        )
    elif "nodes" in gateway and "adminUrl" in gateway:
        yield (
            "gateway: a Kong without a database has no adminUrl; remove it, and run commands with "
            "`kong-oam dbless`"
        )
