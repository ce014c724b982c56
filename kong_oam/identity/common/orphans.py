"""Orphans: what an interrupted run made at a provider, or deleted, without the state ever hearing
of it.

Each kind knows what counts as its own. Nothing is removed that is not certain to be what the state
says it was about to make.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kong_oam.engine.pending import RecordedResource

Doubts = Iterator[str]
"""What speaks against its being lost, in words."""


@dataclass(frozen=True, slots=True)
class Orphan:
    """An object of the kind and name that an interrupted creation would have had.

    `id` is as the state would have it, `path` the object's in the provider's API.
    """

    type: str
    id: str
    name: str
    path: str

    def __str__(self) -> str:
        return f"{self.type.rpartition(':')[2]} {self.name} ({self.id.rpartition('/')[2]})"


DoubtedOrphan = tuple[Orphan, str | None]
"""An orphan, and the reason not to remove it or None."""


@dataclass(frozen=True, slots=True)
class Orphans:
    """What was found at one provider: `objects`, each with the reason not to remove it or None.

    `where` names the provider. `remove` removes some of the objects; it raises ManagementApiError. `gone`
    is what the state has and the provider has not, where no refresh can find that out, with the
    reason to keep it in the state or None.
    """

    where: str
    objects: Sequence[DoubtedOrphan]
    remove: Callable[[list[Any]], None]
    gone: Sequence[tuple[RecordedResource, str | None]] = ()
