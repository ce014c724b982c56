"""A collision of two estates as a value."""

from __future__ import annotations

from dataclasses import dataclass

from kong_oam.diagnostics import Position


@dataclass(frozen=True, slots=True)
class Collision:
    """A name that both estates use, with a position in each; None without a file.

    `new` is the name in `B` after the patch. It is empty if no rename helps: then `remedy` is
    the next step.
    """

    kind: str
    name: str
    a: Position | None
    b: Position | None
    new: str = ""
    remedy: str = ""


Collisions = tuple[Collision, ...]
