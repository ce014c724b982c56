"""Read decK files of the formats 1.1 to 3.0."""

from __future__ import annotations

from collections.abc import Iterable

from kong_oam.adopt.entities import OldKong
from kong_oam.diagnostics import Diagnostics


def read_deck(
    files: Iterable[tuple[str, bytes]],
) -> tuple[OldKong | None, Diagnostics]:
    """Read files (name and content) as one configuration, as decK merges them.

    None if the findings have an error. Nothing raises.
    """
    raise NotImplementedError
