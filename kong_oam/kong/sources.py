"""The Lua of `lua/`, as it is sent."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from kong_oam.kong.shortened import shortened

FOLDER = Path(__file__).resolve().parent / "lua"


@cache
def sent(*names: str) -> str:
    """These files as one script, below a line that says where they can be read."""
    return f"-- kong_oam/kong/lua: {', '.join(names)}\n{shortened(source(*names))}"


def source(*names: str) -> str:
    """These files as they are."""
    return "".join((FOLDER / f"{name}.lua").read_text("utf-8") for name in names)
