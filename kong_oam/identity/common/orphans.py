"""Orphans: objects that an interrupted run made or deleted at a provider without a record in the
state.

Each kind decides about its own objects. It removes only objects that certainly are the state's
pending creations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kong_oam.engine.pending import RecordedResource

# The reason why it may not be an orphan, in words.
Doubts = Iterator[str]


@dataclass(frozen=True, slots=True)
class Orphan:
    """An object of the kind and name that an interrupted creation would have had.

    `id` has the state's form, `path` is the object's path in the provider's API.
    """

    type: str
    id: str
    name: str
    path: str

    def __str__(self) -> str:
        return f"{self.type.rpartition(':')[2]} {self.name} ({self.id.rpartition('/')[2]})"


# An orphan, and the reason to keep it, or None.
DoubtedOrphan = tuple[Orphan, str | None]


@dataclass(frozen=True, slots=True)
class Orphans:
    """The findings at one provider: `objects`, each with the reason to keep it, or None.

    `where` names the provider. `remove` removes some of the objects; it raises ManagementApiError.
    `gone` are objects in the state that the provider lost, where no refresh can find that out. Each
    has the reason to keep it in the state, or None.
    """

    where: str
    objects: Sequence[DoubtedOrphan]
    remove: Callable[[list[Any]], None]
    gone: Sequence[tuple[RecordedResource, str | None]] = ()
