"""What a state says that a client is granted at its provider."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kong_oam.access.data import Names
from kong_oam.engine.state import Resource


@dataclass(frozen=True, slots=True)
class Grant:
    """Scopes that the client of a component is granted. `at`: the component that they are scopes
    of; None where the provider knows no more of them than their names."""

    client: str
    scopes: Names
    at: str | None = None


def listed(
    resources: Iterable[Resource], kind: str, begin: str, output: str
) -> Iterator[Grant]:
    """Yield what resources of a type list in an output, each of the client whose component its
    logical name has behind `begin`."""
    for resource in resources:
        if resource.type == kind and resource.name.startswith(begin):
            scopes = tuple(resource.outputs.get(output) or ())
            yield Grant(resource.name.removeprefix(begin), scopes)
