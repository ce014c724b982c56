"""The Lua of `lua/` and of the traits, as it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from kong_oam.kong.shortened import shortened

_KONG = Path(__file__).resolve().parent

FILES: Mapping[str, Path] = {
    file.stem: file
    for file in (*_KONG.glob("lua/*.lua"), *_KONG.parent.glob("traits/*/*.lua"))
}
"""By name: those that all services share, and those of single traits."""


@cache
def sent(*names: str) -> str:
    """These files as one script, below a line that says where they can be read."""
    return f"-- kong_oam/kong/lua: {', '.join(names)}\n{shortened(source(*names))}"


def source(*names: str) -> str:
    """These files as they are."""
    return "".join(FILES[name].read_text("utf-8") for name in names)
