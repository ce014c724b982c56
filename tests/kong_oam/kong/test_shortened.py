"""Scripts as they are sent: Lua compiles them to the same bytecode as their sources, and nobody else's names are touched."""

from __future__ import annotations

import re
from typing import Any

import pytest
from lupa.luajit21 import LuaRuntime

from kong_oam.kong import sources
from kong_oam.kong.code import ALWAYS, BEHIND, CHUNKS
from kong_oam.kong.sources import shortened

ADMISSION = (
    "json",
    "path",
    "token",
    "answer",
    "rules",
    "refusals",
    "contains",
    "admission",
)
ADMISSION_WITH_TOOLS = (*ADMISSION[:-1], "discovery", "admission")
GATE = ("answer", "addresses", "gate")
GATE_WITH_TOOLS = ("answer", "addresses", "message", "gate")
SCRIPTS = [
    ADMISSION,
    ADMISSION_WITH_TOOLS,
    GATE,
    GATE_WITH_TOOLS,
    *ALWAYS.values(),
    *(
        part
        for phases in (*CHUNKS.values(), *BEHIND.values())
        for part in phases.values()
    ),
]


def compiled(code: str) -> Any:
    """Its bytecode without names of variables and numbers of lines, and with tables in one order."""
    runtime = LuaRuntime(encoding="latin-1", register_eval=False)
    return runtime.eval(
        'function(code) return string.dump(assert(loadstring(code)), "sd") end'
    )(code)


@pytest.mark.parametrize("tools", [False, True])
@pytest.mark.parametrize("parts", SCRIPTS, ids=" ".join)
def test_what_is_sent_compiles_to_what_its_source_does(
    parts: tuple[str, ...], tools: bool
) -> None:
    """Only ports with tools have the marked lines of the source."""
    source = sources.source(*parts)
    sent = sources.deployed_script(*parts, tools=tools)
    assert compiled(sent) == compiled(source if tools else _unmarked(source))
    assert len(sent) < len(source)


def _unmarked(source: str) -> str:
    """Return a source without its lines for ports with tools."""
    kept = []
    is_marked = False
    for line in source.splitlines():
        if line.strip() == "-- With tools:":
            is_marked = True
        if not is_marked:
            kept.append(line)
        if line.strip() == "-- End of tools.":
            is_marked = False
    assert not is_marked
    return "\n".join(kept)


def test_every_source_is_in_one_of_them() -> None:
    assert {part for parts in SCRIPTS for part in parts} == {*sources.FILES}


def test_bytecode_tells_scripts_apart() -> None:
    """By a field, a text, a number, a variable."""
    alike = [
        "return a.b, c",
        "return a.c, c",
        "return a.b, b",
        "return a.b, 'c'",
        "local c return a.b, c",
    ]
    assert len({compiled(code) for code in alike}) == len(alike)


@pytest.mark.parametrize(
    ("source", "sent"),
    [
        ("local x = 1 -- one\nreturn x", "local a=1 return a"),
        ("local one, two = 1, 2\ntwo = two", "local b,a=1,2 a=a"),
        (
            "local one = { one = one, two = { one } }\nreturn one.one",
            "local a={one=a,two={a}}return a.one",
        ),
        (
            "local one = one.one:one(one, [[' one '])",
            "local a=a.one:one(a,[ [' one '])",
        ),
        (
            "local one\nif x == one then y(one) end",
            "local a if x==a then y(a)end",
        ),
        ("local one = a\nreturn one, b", "local c=a return c,b"),
        (
            "for _, one in ipairs(all) do use(_, one) end",
            "for a,b in ipairs(all)do use(a,b)end",
        ),
        ("for one = 1, 2 do use(one) end", "for a=1,2 do use(a)end"),
        (
            "local function one(two, ...) return two, ... end",
            "local function b(a,...)return a,...end",
        ),
        (
            "local one\nfunction one.of(two) end\none()",
            "local a\nfunction a.of(b)end a()",
        ),
        (
            "x()\nreturn function(one) return one end",
            "x()\nreturn function(a)return a end",
        ),
        ("local one = function() end", "local a=function()end"),
        ("return 1 .. 'a -- b' .. 1 - -1", "return 1 ..'a -- b'..1- -1"),
        ('return "local \\" one"', 'return"local \\" one"'),
    ],
)
def test_a_script_is_written_shortly(source: str, sent: str) -> None:
    assert shortened(source) == sent


def test_no_short_name_is_a_word_of_lua_or_a_global() -> None:
    """The script has so many names that all letters, and `do`, `if`, `in` and `or`, would be
    candidates."""
    names = [f"long{number}" for number in range(3000)]
    sent = shortened("\n".join(f"local {name} = a, ab" for name in names))
    short_names = re.findall(r"local (\w+)=a,ab", sent)
    assert (
        len({*short_names, "a", "ab", "do", "if", "in", "or"}) == len(names) + 6
    )


def test_a_function_in_a_table_is_refused() -> None:
    """Its variables would be taken for keys."""
    with pytest.raises(
        ValueError, match="assign it to a local variable before"
    ):
        shortened("return { f = function() local a, b = 1 end }")
