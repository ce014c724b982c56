"""The scripts that a gateway has to run: those that lie beside this pack, as the program puts them together.

What is read here, `kong_oam/kong/plugins.py` and `kong_oam/kong/script.py` write. This imports neither: the pack guards
the program, and would take a mistake in them for what is right.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import kong_oam

_LUA = Path(kong_oam.__file__).parent / "kong" / "lua"
_PARTS = {"pre-function": ("json", "path", "token", "admission"), "post-function": ("gate",)}
_ARGUMENTS = {"pre-function": ("TABLE",), "post-function": ("TABLE", "UPSTREAM")}
"""The arguments of each, one Lua long string after the other, before it begins."""
_NOTE = """
-- In a failed run: Kong did not take the plugin that is named above; why is said behind this script, after ']} error:'.
-- Mend that, and run it again. The cause alone: pulumi up -s STACK --yes | grep -o '} err[o]r: .*'
"""
"""The note before all of it."""

_MORE = re.compile(r"^local MORE = '[a-z0-9 -]*'\n")
"""What admission gets beside its table: words, and nothing that would run."""
_STRING = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_SPACE = re.compile(rf"({_STRING})|--.*|[ \t]+")


@cache
def _current(kind: str) -> str:
    """The script of this version without comments and needless space, below a line that says where those are to be
    found."""
    sources = [(_LUA / f"{part}.lua").read_text("utf-8") for part in _PARTS[kind]]
    lines = [_SPACE.sub(_without_space, line.strip()) for source in sources for line in source.splitlines()]
    return "\n".join([f"-- components/gateway/lua: {', '.join(_PARTS[kind])}", *filter(None, lines)])


def _without_space(match: re.Match[str]) -> str:
    """A string stays; of other space what keeps two words apart, a number from a dot, or a minus from another."""
    if match[1]:
        return match[1]
    around = match.string[: match.start()][-1:] + match.string[match.end() :][:1]
    return " " if re.fullmatch(r"\w\w|\d\.|--", around) else ""


def is_current(kind: str, code: str) -> bool:
    """Whether `code` is the script of this version, to the byte, behind what it is given."""
    if not code.startswith(_NOTE):
        return False
    code = code.removeprefix(_NOTE)
    for name in _ARGUMENTS[kind]:
        argument, closed, code = code.partition("]==]\n")
        if not argument.startswith(f"local {name} = [==[") or not closed:
            return False
    if kind == "pre-function":
        code = _MORE.sub("", code, count=1)
    return code == _current(kind)


def table_of(config: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The table in a plugin's configuration; None where there is none that can be read, or it is not known yet."""
    codes = (config or {}).get("access") or [""]
    argument, closed, _ = codes[0].removeprefix(_NOTE).partition("]==]\n")
    start, opened, text = argument.partition("local TABLE = [==[")
    if start or not opened or not closed:
        return None
    try:
        table = json.loads(text)
    except ValueError:
        return None
    return table if isinstance(table, dict) else None
