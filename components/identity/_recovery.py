"""What an interrupted run left at a provider: made there, although the state never heard of it.

Each kind knows what counts as its own. Nothing is removed that is not certain to be what the state says it was about
to make.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Object(Protocol):
    """What an interrupted creation may have made. `id` is the one that the state would know it by."""

    @property
    def id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Left:
    """`where` it was found, each object with the reason not to remove it or None, and what removes some of them.

    Both raise RefusedError.
    """

    where: str
    objects: Sequence[tuple[Object, str | None]]
    remove: Callable[[list[Any]], None]
