"""No input makes the scripts slow: every pattern in them, and each script as a whole, takes time linear in its input."""

from __future__ import annotations

import json
import re
import time
from itertools import product
from typing import Any

import pytest
from lupa.luajit21 import LuaRuntime

from kong_oam.kong.sources import FILES
from tests.support.gate_requests import (
    ISSUER,
    READ,
    TABLE,
    gate_call,
    table_with,
)
from tests.support.lua_scripts import Lua, admission

_CALL = re.compile(r"\b(find|match|gmatch|gsub)\(")
_PATTERN = re.compile(
    r"""(?:[^()"']|"[^"]*"|'[^']*'|\([^()]*\))*?,\s*("(?:[^"\\]|\\.)*"|'[^']*')(, \w+, true)?"""
)
SCRIPTS = {
    file.name: re.sub(r"--.*", "", file.read_text("utf-8"))
    for file in FILES.values()
}
CALLS = [
    (name, call[1], _PATTERN.match(text, call.end()))
    for name, text in SCRIPTS.items()
    for call in _CALL.finditer(text)
]
PATTERNS = sorted(
    {
        (function, found[1])
        for _, function, found in CALLS
        if found and not found[2]
    }
)
LENGTH = 1 << 16
"""Bytes: twice what nginx takes as all headers of a request. A quadratic pattern needs seconds for it, a linear one about a
thousandth of one."""
LIMIT = 0.5
"""Seconds: far above a linear pattern on a busy machine, far below a quadratic one."""

RUNTIME = LuaRuntime(encoding="latin-1", register_builtins=False)
RUN = RUNTIME.execute(
    r"""
return function(name, pattern, text)
  pattern = assert(load("return " .. pattern))()
  local start = os.clock()
  if name == "gmatch" then
    for _ in string.gmatch(text, pattern) do end
  else
    string[name](text, pattern, name == "gsub" and "" or nil)
  end
  return os.clock() - start
end
"""
)
PIECES = [
    "a",
    "0",
    ".",
    ":",
    "~",
    "*",
    "$",
    "<",
    "/",
    "%",
    "%41",
    " ",
    "-",
    "\\",
    '"',
    "?",
    "=",
    "+",
    "Bearer ",
    "\xff",
    "\x00",
    "\r",
    "[",
    "{",
]
INPUTS = [
    text
    for piece, other_piece in product(PIECES, PIECES)
    for text in (
        (piece + other_piece) * (LENGTH // len(piece + other_piece)) + "!",
        piece * (LENGTH // len(piece)) + other_piece,
    )
]


def test_every_pattern_of_the_scripts_is_found() -> None:
    """Each is a literal; there is no ngx.re, whose patterns could backtrack without bound. Two calls look for plain text:
    in an element of a rule, which is short, and at the start of a path."""
    assert [
        (name, function) for name, function, found in CALLS if not found
    ] == [("path.lua", "find"), ("discovery.lua", "find")]
    assert "find(element, literal, at, true)" in SCRIPTS["path.lua"]
    assert "find(path, WELL_KNOWN, 1, true)" in SCRIPTS["discovery.lua"]
    assert not any("ngx.re." in text for text in SCRIPTS.values())
    assert len(PATTERNS) > 15


@pytest.mark.deep
@pytest.mark.parametrize(("function", "pattern"), PATTERNS)
def test_no_pattern_backtracks(function: str, pattern: str) -> None:
    """The texts are long runs of characters that some pattern looks for, alone, before other text,
    and alternating."""
    slowest = max(RUN(function, pattern, text) for text in INPUTS)
    assert slowest < LIMIT


@pytest.mark.deep
def test_the_measure_sees_a_pattern_that_backtracks() -> None:
    """It is tried from every place to the end, since nothing anchors it."""
    assert RUN("find", '"a+$"', "a" * (LENGTH // 2) + "!") > LIMIT


def seconds(request: Lua) -> float:
    """The best of three."""
    found = []
    for _ in range(3):
        start = time.process_time()
        request.run()
        found.append(time.process_time() - start)
    return min(found)


def slow(make: Any, size: int) -> float:
    """How much longer eight times as much takes: about 8 if linear, 64 if quadratic, less where a fixed cost is larger."""
    return seconds(make(8 * size)) / max(seconds(make(size)), 1e-4)


@pytest.mark.deep
@pytest.mark.parametrize(
    "host",
    [
        "a." * LENGTH,
        "." * LENGTH,
        ":1" * LENGTH,
        "a" * LENGTH,
        ":" + "1" * LENGTH + "x",
    ],
    ids=lambda host: host[:4],
)
def test_a_host_that_no_dns_name_can_be_is_not_taken_apart(host: str) -> None:
    """Each of its labels would be looked up with all that follow: nothing that any table knows."""
    call = gate_call(READ, **{"ngx.var.http_host": host})
    assert call.denied() == 404
    assert seconds(call) < 3 * seconds(gate_call(READ)) + 0.02


SPELLINGS = [
    "/a", "//", "/%41", "/.a", "/a.b-c", "/\xc3\xa9", ".", "%20.", ":", "~", "a*", "\xc3\xa9", "r\xe2\x80\x8b", "<x", "*1", "?1",
]  # fmt: skip


@pytest.mark.parametrize("element", SPELLINGS)
def test_the_gate_is_linear_in_the_path(element: str) -> None:
    """Elements below the deepest path of the table are not looked up."""
    assert (
        slow(
            lambda size: gate_call(READ, path="/orders" + element * size),
            20_000,
        )
        < 24
    )


@pytest.mark.deep
@pytest.mark.parametrize(
    "element",
    ["o*" * 4_000, "order-*" * 1_000, "\xc3\xa9" * 4_000, "order\xe2\x80\x8b*"],
)
def test_an_odd_spelling_costs_little_beside_many_rules(element: str) -> None:
    """It is held against each rule of its depth."""
    rules = {
        f"/orders/order-{number}": {"GET": [["read"]]}
        for number in range(1_000)
    }
    table = table_with(rules={**json.loads(TABLE)["rules"], **rules})
    plain = seconds(gate_call(READ, table, path="/orders/order-7"))
    assert (
        seconds(gate_call(READ, table, path=f"/orders/{element}")) < 4 * plain
    )


@pytest.mark.deep
@pytest.mark.parametrize(
    "claims",
    [
        lambda size: {"x": "a" * size},
        lambda size: {"x": '"\\\x7f' * size},
        lambda size: {"x": [1.5e3] * size},
        lambda size: {f"x{number}": number for number in range(size)},
        lambda size: {"groups": ["x"] * size},
        lambda size: {"x": {"a": [{}] * size}},
        lambda size: {"aud": ["x"] * size + ["api://tests"]},
    ],
    ids=[
        "text",
        "escapes",
        "numbers",
        "keys",
        "groups",
        "objects",
        "audiences",
    ],
)
def test_the_gate_is_linear_in_the_token(claims: Any) -> None:
    """Whatever its claims are made of."""
    assert (
        slow(
            lambda size: gate_call(ISSUER.token(["read"], **claims(size))),
            4_000,
        )
        < 24
    )


@pytest.mark.deep
@pytest.mark.parametrize(
    "headers",
    [
        lambda size: {"authorization": "Bearer " + "a" * size},
        lambda size: {"authorization": "Bearer " + "a." * size},
        lambda size: {"authorization": "Bearer" * size},
        lambda size: {"authorization": ["Basic x"] * size},
        lambda size: {f"x_auth_{number}": "y" for number in range(size)},
        lambda size: {"X" + "-" * size: "y"},
    ],
    ids=[
        "one part",
        "many parts",
        "mentions",
        "values",
        "forged",
        "a long name",
    ],
)
def test_admission_is_linear_in_the_headers(headers: Any) -> None:
    """Their number, their names and their values."""

    def make(size: int) -> Lua:
        facts = {
            "ngx.var.request": "GET / HTTP/1.1",
            "ngx.var.request_uri": "/",
            "ngx.req.get_headers": headers(size),
        }
        return Lua(admission(), facts)

    assert slow(make, 4_000) < 24


@pytest.mark.deep
def test_a_table_of_a_thousand_rules_is_read_in_linear_time() -> None:
    """Once per worker and change."""

    def make(size: int) -> Lua:
        rules = {
            f"/orders/{number}": {"GET": [["read"]]} for number in range(size)
        }
        return gate_call(READ, table_with(rules=rules))

    assert slow(make, 1_000) < 24
