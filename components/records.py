"""What the base of an estate recorded, as its partitions find it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi import Output

from kong_oam.engine.state import StackState
from kong_oam.oam.position import Texts


class Record(dict[str, Any]):
    """What the base recorded of one thing, by name; what is not there is unknown, which only a
    preview goes on with."""

    def value(self, *path: str) -> Output[Any]:
        """Return what stands at the path."""
        value: Any = self
        for step in path:
            value = value.get(step) if isinstance(value, Mapping) else None
        return _unknown() if value is None else Output.from_input(value)


@dataclass(frozen=True)
class Base:
    """The base of an estate as a partition finds it: its state, and what it made, by provider and
    at Kong.

    `clients` are not the base's: ids of those who call from other partitions, by provider and
    component.
    """

    state: StackState
    generation: int
    providers: Mapping[str, Record]
    gateway: Record
    clients: Mapping[str, Texts] = field(default_factory=dict)


def _unknown() -> Output[Any]:
    """Return what a preview cannot know."""

    async def value(of: Any) -> Any:
        return of

    # An Output of a value that is not known, as those of resources that a preview makes.
    return Output(
        set(),
        asyncio.ensure_future(value(None)),
        asyncio.ensure_future(value(False)),
    )
