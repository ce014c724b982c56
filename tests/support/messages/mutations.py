"""Messages with small faults, at random: the same seed gives the same messages."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random

Mutation = Callable[[Random, bytes], bytes]

SOUND = [
    {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "search", "arguments": {"query": "a", "name": "b"}}},
    {"jsonrpc": "2.0", "id": "x-7", "method": "tools/call", "params": {"_meta": {"progressToken": 3}, "name": "close", "arguments": {}}},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}},
    {"jsonrpc": "2.0", "id": 3, "method": "initialize", "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}},
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 4, "result": {"content": [], "isError": False}},
    {"jsonrpc": "2.0", "id": 5, "error": {"code": -32601, "message": "no \u017fuch method \u212a"}},
    {"jsonrpc": "2.0", "id": 6, "method": "prompts/get", "params": {"name": "b\u00fcro \U0001f600", "arguments": {"deep": [[{"a": None}]]}}},
]  # fmt: skip

KEYS = ("jsonrpc", "id", "method", "params", "name", "arguments", "_meta")
SPELLINGS = (
    str.upper,
    str.title,
    lambda key: key.replace("s", "\u017f").replace("k", "\u212a"),
    lambda key: "".join(f"\\u{ord(letter):04x}" for letter in key),
    lambda key: key[:-1] + f"\\u{ord(key[-1]):04X}",
    lambda key: key + " ",
    lambda key: key + "\\u0000",
    lambda key: "__proto__",
)
VALUES = (
    '"search"', '"close"', '"tools/call"', '"tools/list"', "null", "true", "[]", "{}", '{"name":"close"}', "1", "-0", "1.0", "1e0", "1E400",
    "9007199254740993", "-9007199254740993", "18446744073709551616", "01", "0x1", "+1", ".5", "1.", "NaN", "Infinity", "-Infinity", "'close'",
    '"\\ud800"', '"\\udc00\\ud800"', '"\\ud83d\\ude00"', '"clo\\u0073e"', '"close\\u0000"', '"close\\n"', '"cl\\xse"', '"cl\x01se"', '"\u0441lose"', '"clo\u017fe"',
)  # fmt: skip
BYTES = (
    b"\x00", b"\x7f", b"\x80", b"\xc0\xaf", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xf4\x90\x80\x80", b"\xff", b"\xc2\xa0", b"\xe2\x80\xa8", b"\x0b", b"\x0c", b"\r", b"\t", b" ",
    b",", b":", b"\"", b"\\", b"{", b"}", b"[", b"]", b"//x\n", b"/*x*/", b"#",
)  # fmt: skip


def _repeated_key(random: Random, body: bytes) -> bytes:
    """Add an entry for a key, before or behind the other entries of some object."""
    key = random.choice(KEYS)
    if random.random() < 0.7:
        key = random.choice(SPELLINGS)(key)
    entry = f'"{key}":{random.choice(VALUES)}'.encode()
    braces = [at for at, byte in enumerate(body) if byte in b"{}"]
    if not braces:
        return body
    at = random.choice(braces)
    if body[at : at + 1] == b"{":
        comma = b"" if body[at + 1 : at + 2] == b"}" else b","
        return body[: at + 1] + entry + comma + body[at + 1 :]
    comma = b"" if body[at - 1 : at] == b"{" else b","
    return body[:at] + comma + entry + body[at:]


def _other_spelling(random: Random, body: bytes) -> bytes:
    key = random.choice(KEYS)
    spelled = random.choice(SPELLINGS)(key)
    return body.replace(f'"{key}"'.encode(), f'"{spelled}"'.encode(), 1)


def _other_value(random: Random, body: bytes) -> bytes:
    value = random.choice((b"1", b'"search"', b'"close"', b'"tools/call"', b'"2.0"', b"{}"))  # fmt: skip
    return body.replace(value, random.choice(VALUES).encode(), 1)


def _other_byte(random: Random, body: bytes) -> bytes:
    at = random.randrange(len(body) + 1)
    rest = at + random.choice((0, 0, 1))
    return body[:at] + random.choice(BYTES) + body[rest:]


def _surrounded(random: Random, body: bytes) -> bytes:
    before, after = random.choice((
        (b"[", b"]"), (b"", body), (b"", b"\n" + body), (body + b",", b""), (b"\xef\xbb\xbf", b""), (b" \n", b"\t "), (b"\x1e", b"\n"), (b")]}'\n", b""),
        (b"", b"\x00"), (b"", b"null"), (b'{"a":', b"}"), (b"[" * 40, b"]" * 40),
    ))  # fmt: skip
    return before + body + after


def _other_charset(random: Random, body: bytes) -> bytes:
    text = body.decode("utf-8", "replace")
    charset = random.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be", "utf-7", "utf-8-sig"))  # fmt: skip
    return text.encode(charset, "replace")


MUTATIONS: tuple[Mutation, ...] = (
    _repeated_key,
    _repeated_key,
    _other_spelling,
    _other_value,
    _other_byte,
    _surrounded,
    _other_charset,
)


def mutated_messages(seed: int, count: int) -> list[bytes]:
    """Return so many messages, each with at most three faults."""
    random = Random(seed)
    messages = []
    for _ in range(count):
        sound = random.choice(SOUND)
        separators = random.choice(((",", ":"), (", ", ": ")))
        body = json.dumps(
            sound, separators=separators, ensure_ascii=random.random() < 0.5
        ).encode()
        for _ in range(random.choice((0, 1, 1, 1, 2, 3))):
            body = random.choice(MUTATIONS)(random, body)
        messages.append(body)
    return messages
