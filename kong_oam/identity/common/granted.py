"""A client's grants at its provider, as a state records them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kong_oam.access.data import Names
from kong_oam.engine.state import Resource


@dataclass(frozen=True, slots=True)
class Grant:
    """Granted scopes of a component's client. `at` is the component of the scopes; None if the
    provider only knows their names."""

    client: str
    scopes: Names
    at: str | None = None


def listed(
    resources: Iterable[Resource], kind: str, begin: str, output: str
) -> Iterator[Grant]:
    """Yield the grants that resources of a type list in an output.

    The logical name of each has its client's component behind `begin`.
    """
    for resource in resources:
        if resource.type == kind and resource.name.startswith(begin):
            scopes = tuple(resource.outputs.get(output) or ())
            yield Grant(resource.name.removeprefix(begin), scopes)
