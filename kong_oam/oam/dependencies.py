"""Cycles among dependencies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from kong_oam.oam.position import Names


def find_cycle(edges: Mapping[str, Iterable[str]]) -> Names:
    """Return a dependency cycle, first name repeated at the end; each name waits for the next.
    Empty if there is no cycle."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        return tuple(reversed(error.args[1]))
    return ()
