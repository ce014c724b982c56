"""The scripts' JSON reader, base64url and UTF-8, in LuaJIT: accepted texts, rejected texts, and
results."""

from __future__ import annotations

import base64
import json
import math
import re
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lupa.luajit21 import LuaRuntime

from kong_oam.access import tokens
from tests.support.json_object import JsonObject
from tests.support.repository import ROOT

LUA = ROOT / "kong_oam" / "kong" / "lua"
RUNTIME = LuaRuntime(encoding="latin-1", unpack_returned_tuples=True)
RUNTIME.globals().ngx = RUNTIME.table_from(
    {
        "decode_base64": lambda text: base64.b64decode(
            text.encode(), validate=True
        ).decode("latin-1")
    }
)
READ = RUNTIME.execute(
    (LUA / "json.lua").read_text()
    + """
local function written(value)
  if value == json_null then return "null" end
  if type(value) == "string" then return string.format("%q", value) end
  if json_is_array(value) then
    local items = {}
    for i, item in ipairs(value) do items[i] = written_(item) end
    return "[" .. table.concat(items, ",") .. "]"
  end
  if json_is_object(value) then
    local keys = {}
    for key in pairs(value) do if type(key) == "string" then keys[#keys + 1] = key end end
    table.sort(keys)
    local items = {}
    for i, key in ipairs(keys) do items[i] = string.format("%q", key) .. ":" .. written_(value[key]) end
    return "{" .. table.concat(items, ",") .. "}"
  end
  if type(value) == "number" then return string.format("%.17g", value) end
  return tostring(value)
end
written_ = written
return function(text)
  local value, why = json_read(text)
  if value == nil then return false, why end
  return true, written(value)
end
"""
)


def accepted(text: bytes) -> bool:
    return bool(READ(text.decode("latin-1"))[0])


def simple(value: Any) -> Any:
    """As `written` writes it, for values whose texts need no escapes."""
    if isinstance(value, dict):
        return (
            "{"
            + ",".join(f'"{key}":{simple(value[key])}' for key in sorted(value))
            + "}"
        )
    if isinstance(value, list):
        return "[" + ",".join(map(simple, value)) + "]"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return f"{value:.17g}"


PLAIN = st.text(alphabet="abcXYZ 019_:/.-", max_size=8)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | PLAIN,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(PLAIN, inner, max_size=4)
    ),
    max_leaves=12,
)


@given(value=VALUES, indent=st.sampled_from([None, 1]))
def test_reads_what_json_writes(value: Any, indent: int | None) -> None:
    """Any value, with and without white space, comes out as it was."""
    assert READ(json.dumps(value, indent=indent)) == (True, simple(value))


@pytest.mark.parametrize(
    "text",
    [
        b"{}", b"[]", b" [ ] ", b'{"a":[{}]}', b"0", b"-0", b"1e5", b"1E+5", b"1.5e-3", b'""', b'"\\u00e9"', b'"\\ud83d\\ude00"',
        b'"\\"\\\\\\/\\b\\f\\n\\r\\t"', "\"\u00e9\U0001f600\u20ac\"".encode(), b'"\x7f"', b"\t\r\n 1", b'{"":1}', b'"\\u0000"', b"[1,2 ,3]",
        b"[" * 32 + b"]" * 32,
    ],
)  # fmt: skip
def test_accepts(text: bytes) -> None:
    """Texts that RFC 8259 calls JSON, by the productions of its grammar: structure, literals, numbers, strings, white space."""
    assert accepted(text)


@pytest.mark.parametrize(
    "text",
    [
        b"", b" ", b"{", b"[", b"[1", b"[1,", b"[1,]", b"[,1]", b"[1 2]", b"{a:1}", b"{'a':1}", b'{"a"}', b'{"a":}', b'{"a":1,}',
        b'{"a":1 "b":2}', b'{"a":1,"a":1}', b'{"a":1,"\\u0061":2}', b"01", b"-", b"+1", b".5", b"1.", b"1e", b"1e+", b"0x10", b"NaN", b"Infinity",
        b"-Infinity", b"nan", b"1e999", b"-1e999", b'"', b'"a', b'"\\x"', b'"\\u12"', b'"\\u12g4"', b'"\\ud800"', b'"\\udc00"', b'"\\ud800x"',
        b'"\\ud800\\u0041"', b'"\n"', b'"\x00"', b'"\x1f"', b"tru", b"True", b"nulll", b"null x", b"1 1", b"{}{}", b"//", b"/**/1", b"\xef\xbb\xbf1",
        b'"\xff"', b'"\xc0\xaf"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\xe2\x82"', b"\x0b1", b"\xc2\xa01", b"[" * 33 + b"]" * 33, b"[" * 100000,
        b"'a'", b"{,}", b"[}", b"{]", b"1,2", b'"a"b', b"-a", b"--1", b"1-1", b"\x00", b"1\x00",
    ],
    ids=lambda text: repr(text)[:30],
)  # fmt: skip
def test_refuses(text: bytes) -> None:
    """Texts that are no JSON, duplicate keys, numbers that are not finite, lone surrogates, bad UTF-8, deep nesting."""
    assert not accepted(text)


SEEDS = [
    b'{"a":[1,-0.5e+3,true,false,null]}', b'["\\u00e9\\ud83d\\ude00\\n\\/"]', b' { "k" : { } , "l" : [ [ ] ] } ', b"-12.50E-2",
    b'{"a":1,"b":2}', "[\"\u00e9\u20ac\U0001f600\"]".encode(), b"[10,0]",
]  # fmt: skip
"""Texts in which every production of RFC 8259's grammar stands."""
BYTES = [
    *b"{}[]:,\"\\/ \t\n\r\x0b0179-+.eEauxnrtfls'#\x00\x1f\x7f",
    0x80,
    0xBF,
    0xC0,
    0xC3,
    0xE2,
    0xED,
    0xF0,
    0xF4,
    0xFF,
]


def one_edit_away(text: bytes) -> set[bytes]:
    """The text with one byte taken away, replaced or put in, everywhere; and cut off and doubled."""
    edited = {text[:at] + text[at + 1 :] for at in range(len(text))}
    for at in range(len(text) + 1):
        edited |= {
            text[:at] + bytes([byte]) + text[at + skipped :]
            for byte in BYTES
            for skipped in (0, 1)
        }
        edited |= {text[:at], text[at:], text[:at] + text}
    return edited


def oracle(text: bytes) -> bool:
    """Read with Python's reader, which follows RFC 8259 independently. Also reject duplicate keys,
    numbers outside a double, and lone surrogates."""

    def unique(pairs: list[tuple[str, Any]]) -> JsonObject:
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    def finite(number: str) -> float:
        assert math.isfinite(float(number))
        return float(number)

    try:
        value = json.loads(
            text.decode(),
            object_pairs_hook=unique,
            parse_constant=lambda _: 1 / 0,
            parse_float=finite,
            parse_int=finite,
        )
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, AssertionError, ZeroDivisionError):
        return False
    return True


@pytest.mark.parametrize("seed", SEEDS, ids=repr)
def test_every_text_one_edit_away_is_read_as_another_reader_reads_it(
    seed: bytes,
) -> None:
    """Exactly the JSON texts are accepted, among tens of thousands of texts from every production
    of the grammar."""
    texts = one_edit_away(seed)
    assert len(texts) > 500
    assert accepted(seed)
    assert [
        text for text in sorted(texts) if accepted(text) != oracle(text)
    ] == []


TOKENS = RUNTIME.execute(
    "".join(
        (LUA / f"{name}.lua").read_text() for name in ("json", "path", "token")
    )
    + "return base64url_decode, unreadable"
)


@given(raw=st.binary(max_size=40))
def test_base64url_is_decoded(raw: bytes) -> None:
    """Without padding, with - and _."""
    text = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    assert TOKENS[0](text) == raw.decode("latin-1")


@pytest.mark.parametrize("length", [1, 2, 3])
def test_base64url_is_read_as_the_model_reads_it(length: int) -> None:
    """Every text of these lengths over the ends of the alphabet, of neighbours outside of it and padding: unused bits, too."""
    for letters in product("AQZagz09-_+/=. ", repeat=length):
        text = "".join(letters)
        try:
            expected: str | None = tokens._decode(text).decode("latin-1")
        except ValueError:
            expected = None
        if re.fullmatch("[A-Za-z0-9_-]*", text) is None:
            expected = None  # such a text never gets as far in the model: its expression for a bearer token refuses it
        assert TOKENS[0](text) == expected, text


@pytest.mark.parametrize(
    "text", ["a", "aaaaa", "aa==", "a+aa", "a/aa", "aa a", "aa\n", "\u00e9aaa"]
)
def test_what_is_no_base64url_is_refused(text: str) -> None:
    """Padding, the other alphabet, white space, a lonely character."""
    assert TOKENS[0](text) is None
