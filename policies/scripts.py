"""The scripts that a gateway has to run: those that lie beside this pack, as the program puts them together."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_LUA = Path(__file__).parent.parent / "components" / "gateway" / "lua"
_PARTS = {"pre-function": ("json", "token", "admission"), "post-function": ("json", "token", "gate")}
_GIVEN = {"pre-function": ("TABLE",), "post-function": ("TABLE", "UPSTREAM")}
"""What each is given, one Lua long string after the other, before it begins."""

_COMMENT = re.compile(r"(?:^|\s{2,})--\s.*")


@cache
def _current(kind: str) -> str:
    """Without comments and indentation, below a line that says where they are to be found."""
    lines = [line.strip() for part in _PARTS[kind] for line in (_LUA / f"{part}.lua").read_text("utf-8").splitlines()]
    code = [line for line in (_COMMENT.sub("", line) for line in lines) if line]
    return "\n".join([f"-- components/gateway/lua: {', '.join(_PARTS[kind])}", *code])


def is_current(kind: str, code: str) -> bool:
    """Whether `code` is the script of this version, to the byte, behind what it is given."""
    for name in _GIVEN[kind]:
        given, closed, code = code.partition("]==]\n")
        if not given.startswith(f"local {name} = [==[") or not closed:
            return False
    return code == _current(kind)
