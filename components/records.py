"""The records of an estate's base, as its partitions read them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi import Output

from kong_oam.engine.state import StackState
from kong_oam.oam.position import Texts


class Record(dict[str, Any]):
    """The base's record of one object, by name. A missing value is unknown: only a preview
    continues with it."""

    def value(self, *path: str) -> Output[Any]:
        value: Any = self
        for step in path:
            value = value.get(step) if isinstance(value, Mapping) else None
        return _unknown() if value is None else Output.from_input(value)


@dataclass(frozen=True)
class Base:
    """The base of an estate as a partition reads it: its state, and its resources, by provider and
    at Kong.

    `clients` are not the base's: they are ids of callers from other partitions, by provider and
    component.
    """

    state: StackState
    generation: int
    providers: Mapping[str, Record]
    gateway: Record
    clients: Mapping[str, Texts] = field(default_factory=dict)


def _unknown() -> Output[Any]:
    """Return a value that a preview cannot know."""

    async def value(of: Any) -> Any:
        return of

    # An Output of an unknown value, like the outputs of resources that a preview makes.
    return Output(
        set(),
        asyncio.ensure_future(value(None)),
        asyncio.ensure_future(value(False)),
    )
