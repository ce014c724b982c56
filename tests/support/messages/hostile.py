"""Messages that try to call the tool `close` past the gate. Their caller may call `search` only.

Each has a name, the headers beside Content-Length, the body, and the status of the answer.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

Headers = tuple[tuple[str, str], ...]

JSON: Headers = (("Content-Type", "application/json"),)
# Servers of the specification need these headers, too.
ACCEPT: Headers = (("Accept", "application/json, text/event-stream"),)


@dataclass(frozen=True, slots=True)
class Hostile:
    name: str
    body: bytes
    headers: Headers = JSON
    status: int = 400


def _message(
    params: str, more: str = "", method: str = '"tools/call"'
) -> bytes:
    text = (
        f'{{"jsonrpc":"2.0","id":1,"method":{method},"params":{params}{more}}}'
    )
    return text.encode("utf-8", "surrogatepass")


SEARCH = _message('{"name":"search","arguments":{"query":"a"}}')
CLOSE = _message('{"name":"close","arguments":{"ticket":1}}')


def hostile_messages() -> Iterator[Hostile]:
    yield Hostile("plain", CLOSE, status=403)
    yield Hostile("a charset of UTF-8", CLOSE, _kind("application/json; charset=utf-8"), 403)  # fmt: skip
    yield Hostile("escaped name", _message(r'{"name":"cl\u006fse","arguments":{"ticket":1}}'), status=403)  # fmt: skip
    yield Hostile("escaped key", _message(r'{"n\u0061me":"close","arguments":{"ticket":1}}'), status=403)  # fmt: skip
    yield Hostile("escaped method", _message('{"name":"close","arguments":{"ticket":1}}', method=r'"tools\/call"'), status=403)  # fmt: skip
    yield Hostile("space around", b"\r\n\t " + CLOSE + b" \n", status=403)
    for header in ("Mcp-Method", "mcp_method"):
        forged = ((header, "tools/list"),)
        yield Hostile(f"forged {header}", CLOSE, JSON + forged, 403)
    for header in ("Mcp-Name", "Mcp_Name", "mcp_name"):
        yield Hostile(f"forged {header}", CLOSE, (*JSON, (header, "search")), 403)  # fmt: skip
    yield from _batches()
    yield from _repeated_keys()
    yield from _other_charsets()
    yield from _other_kinds()
    yield from _envelopes()
    yield from _other_json()


def _batches() -> Iterator[Hostile]:
    yield Hostile("batch", b"[" + CLOSE + b"]")
    yield Hostile("batch of two", b"[" + SEARCH + b"," + CLOSE + b"]")
    yield Hostile("batch in a batch", b"[[" + CLOSE + b"]]")
    yield Hostile("two messages", SEARCH + CLOSE)
    yield Hostile("two lines", SEARCH + b"\n" + CLOSE)
    yield Hostile("two messages with a comma", SEARCH + b"," + CLOSE)
    yield Hostile("a text with a message", json.dumps(CLOSE.decode()).encode())


def _repeated_keys() -> Iterator[Hostile]:
    for first, second in (("search", "close"), ("close", "search")):
        for key in ("name", "Name", "NAME", r"n\u0061me", "\u01f9ame"):
            params = f'{{"name":"{first}","{key}":"{second}","arguments":{{"ticket":1}}}}'
            yield Hostile(f"{first}, then {key} {second}", _message(params))
    yield Hostile("only Name", _message('{"Name":"close","arguments":{"ticket":1}}'))  # fmt: skip
    params = '{"name":"search","arguments":{"query":"a"}}'
    other = '{"name":"close","arguments":{"ticket":1}}'
    for key in ("params", "Params", "PARAMS", r"par\u0061ms", "param\u017f"):
        yield Hostile(f"params, then {key}", _message(params, f',"{key}":{other}'))  # fmt: skip
    for key in ("method", "Method", r"m\u0065thod"):
        body = _message(other, f',"{key}":"tools/call"', '"tools/list"')
        yield Hostile(f"method, then {key}", body)
    yield Hostile("id twice", _message(other, ',"id":2'))
    yield Hostile("a key twice in arguments", _message('{"name":"close","arguments":{"ticket":1,"ticket":2}}'))  # fmt: skip


def _other_charsets() -> Iterator[Hostile]:
    text = CLOSE.decode()
    for charset in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"):  # fmt: skip
        yield Hostile(f"in {charset}", text.encode(charset))
        kind = f"application/json; charset={charset}"
        yield Hostile(f"in {charset}, said", text.encode(charset), _kind(kind))
    seven = _message('{"name":"+AGMAbABvAHMAZQ-","arguments":{"ticket":1}}')
    yield Hostile("in utf-7", seven)
    yield Hostile("in utf-7, said", seven, _kind("application/json; charset=utf-7"))  # fmt: skip
    yield Hostile("latin-1, said", CLOSE, _kind("application/json; charset=iso-8859-1"))  # fmt: skip
    yield Hostile("two charsets", CLOSE, _kind("application/json; charset=utf-8; charset=utf-16"))  # fmt: skip
    yield Hostile("overlong bytes", CLOSE.replace(b"close", b"cl\xc1\xafse"))
    yield Hostile("a lone surrogate", _message(r'{"name":"close\ud800","arguments":{}}'))  # fmt: skip
    yield Hostile("a lone surrogate in bytes", _message('{"name":"close\ud800","arguments":{}}'))  # fmt: skip


def _kind(kind: str) -> Headers:
    return (("Content-Type", kind),)


def _other_kinds() -> Iterator[Hostile]:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json-rpc", "application/vnd.api+json", "application/json, text/plain", "application/jsonx", "multipart/form-data; boundary=application/json"):  # fmt: skip
        yield Hostile(f"as {kind}", CLOSE, _kind(kind))
    yield Hostile("without a kind", CLOSE, ())
    yield Hostile("two kinds", CLOSE, JSON + _kind("text/plain"))
    yield Hostile("kind with an underscore", CLOSE, (("Content_Type", "application/json"),))  # fmt: skip
    yield Hostile("two spellings of a kind", CLOSE, (*JSON, ("Content_Type", "text/plain")))  # fmt: skip
    for coding, body in (
        ("gzip", gzip.compress(CLOSE)),
        ("deflate", zlib.compress(CLOSE)),
        ("br", CLOSE),
        ("identity", CLOSE),
        ("", CLOSE),
    ):
        yield Hostile(f"coding {coding}", body, (*JSON, ("Content-Encoding", coding)))  # fmt: skip
    yield Hostile("coding with an underscore", gzip.compress(CLOSE), (*JSON, ("Content_Encoding", "gzip")))  # fmt: skip
    versions = (
        ("MCP-Protocol-Version", "2025-06-18"),
        ("MCP-Protocol-Version", "2025-03-26"),
    )
    yield Hostile("two versions", CLOSE, JSON + versions)
    yield Hostile("two versions in a header", CLOSE, (*JSON, ("MCP-Protocol-Version", "2025-06-18, 2025-03-26")))  # fmt: skip
    yield Hostile("two spellings of a version", CLOSE, (*JSON, versions[0], ("MCP_Protocol_Version", "2025-03-26")))  # fmt: skip


def _envelopes() -> Iterator[Hostile]:
    params = '{"name":"close","arguments":{"ticket":1}}'
    yield Hostile("request and result", _message(params, ',"result":{}'))
    yield Hostile("request and error", _message(params, ',"error":{}'))
    yield Hostile("an unknown key", _message(params, ',"x":1'))
    yield Hostile("another version of JSON-RPC", CLOSE.replace(b"2.0", b"1.0"))
    yield Hostile("a number as version", CLOSE.replace(b'"2.0"', b"2.0"))
    yield Hostile("no version", CLOSE.replace(b'"jsonrpc":"2.0",', b""))
    yield Hostile("a notification", CLOSE.replace(b'"id":1,', b""))
    for identifier in (b"null", b"true", b"[1]", b"{}", b"1.5", b"9007199254740993", b"1e999"):  # fmt: skip
        yield Hostile(f"id {identifier.decode()}", CLOSE.replace(b'"id":1', b'"id":' + identifier))  # fmt: skip
    for method in ('"tools/Call"', '"tools/call "', '"tools//call"', '"tools.call"', '"call"', '"x/y"', "null", '["tools/call"]', '"tools/call\\u0000"'):  # fmt: skip
        yield Hostile(f"method {method}", _message(params, method=method))
    for listed in ('["close"]', '[{"name":"close"}]', '"close"', "null"):
        yield Hostile(f"params {listed}", _message(listed))
    for name in ('"close "', '" close"', '"close\\n"', '"close\\u0000"', '"CLOSE\u0000"', '["close"]', '{"name":"close"}', "null", '"\u0441lose"', '"clo\u017fe"', '""', '"close?"', f'"{"x" * 129}"'):  # fmt: skip
        yield Hostile(f"name {name[:20]}", _message(f'{{"name":{name},"arguments":{{}}}}'))  # fmt: skip


def _other_json() -> Iterator[Hostile]:
    yield Hostile("empty", b"")
    yield Hostile("a number", b"1")
    yield Hostile("a comment", b"/* */" + CLOSE)
    yield Hostile("a comment at the end", CLOSE + b"// x")
    yield Hostile("a comma too many", CLOSE[:-1] + b",}")
    yield Hostile("single quotes", CLOSE.replace(b'"', b"'"))
    yield Hostile("NaN", _message('{"name":"close","arguments":{"ticket":NaN}}'))  # fmt: skip
    yield Hostile("Infinity", _message('{"name":"close","arguments":{"ticket":-Infinity}}'))  # fmt: skip
    yield Hostile("a number out of range", _message('{"name":"close","arguments":{"ticket":1e999}}'))  # fmt: skip
    yield Hostile("a leading zero", _message('{"name":"close","arguments":{"ticket":01}}'))  # fmt: skip
    yield Hostile("a zero byte at the end", CLOSE + b"\x00")
    yield Hostile("a prefix", b")]}'\n" + CLOSE)
    yield Hostile("a control character", CLOSE.replace(b"close", b"cl\tose"))
    yield Hostile("nested deeply", _message('{"name":"close","arguments":{"ticket":' + "[" * 100 + "]" * 100 + "}}"))  # fmt: skip
    yield Hostile("odd space", b"\xc2\xa0" + CLOSE)
    yield Hostile("form feed", b"\x0c" + CLOSE)
