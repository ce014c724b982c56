"""The scripts that a gateway has to run: those that lie beside this pack, as the program puts them together."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_LUA = Path(__file__).parent.parent / "components" / "gateway" / "lua"
_PARTS = {"pre-function": ("json", "token", "admission"), "post-function": ("json", "token", "gate")}
_TABLE = ("local TABLE = [==[", "]==]\n")


@cache
def _current(kind: str) -> str:
    return "\n".join((_LUA / f"{part}.lua").read_text("utf-8").strip() for part in _PARTS[kind])


def is_current(kind: str, code: str) -> bool:
    """Whether `code` is the script of this version; that of the gate stands behind its table, one Lua long string."""
    if kind == "post-function":
        start, end = _TABLE
        table, closed, code = code.partition(end)
        if not table.startswith(start) or not closed:
            return False
    return code == _current(kind)
