"""What waits for what, and never ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter


def circle_of(edges: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Return a circle of names, each before one that it waits for, the first also last; empty where
    there is none."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        return tuple(reversed(error.args[1]))
    return ()
