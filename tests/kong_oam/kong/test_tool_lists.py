"""Lists of tools contain the tools that the caller may call, in JSON and in event streams."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tool_lists import ToolLists

LISTS = ToolLists()
STREAM = "text/event-stream"
TOOLS = [{"name": name} for name in ("search", "close", "open")]


def answer_with(result: object, **more: object) -> bytes:
    message = {"jsonrpc": "2.0", "id": 1, "result": result, **more}
    return json.dumps(message).encode()


LIST = answer_with({"tools": TOOLS})
SEARCH = {"tools": [{"name": "search"}], "cacheScope": "private"}


def is_error(message: Any, answers: object = 1) -> bool:
    return bool(
        message["id"] == answers
        and message["error"]["code"] == -32010
        and "result" not in message
    )


def events_of(stream: bytes) -> list[dict[str, str]]:
    """Read a stream as the HTML standard says, with no code of the gateway."""
    text = stream.decode().removeprefix("\ufeff")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    *events, rest = text.split("\n\n")
    assert not rest.strip("\n")
    found = []
    for event in events:
        fields: dict[str, list[str]] = {}
        for line in event.strip("\n").split("\n"):
            name, _, value = line.partition(":")
            fields.setdefault(name, []).append(value.removeprefix(" "))
        joined = {name: "\n".join(each) for name, each in fields.items()}
        found.append(joined)
    return found


def event(data: bytes, *lines: str) -> bytes:
    return b"".join(
        [*(f"{line}\n".encode() for line in lines), b"data: ", data, b"\n\n"]
    )


# JSON


def test_a_list_has_only_the_callers_tools() -> None:
    changed = LISTS.changed([LIST])
    assert changed.message == json.loads(answer_with(SEARCH))
    assert changed.headers == {"content-type": "application/json"}


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_the_rest_of_the_message_keeps_its_bytes(count: int) -> None:
    """Numbers beyond a double, escapes and space."""
    tool = '{ "name":"%s","inputSchema":{"maximum":12345678901234567890 ,"x":1.0e-7,"y":"\\u00e9\\/"} }'
    listed = [tool % name for name in ("a", "b", "c")]
    kept = listed[:count]
    text = '{"jsonrpc":"2.0", "result" : {"nextCursor":"2","tools":[ %s],"ttlMs":1e2},"id":1}'
    raw = (text % ", ".join(listed)).encode()
    changed = LISTS.changed([raw], tools=("a", "b", "c")[:count])
    meant = text.replace("[ %s]", '[%s],"cacheScope":"private"') % ",".join(kept)  # fmt: skip
    assert changed.body == meant.encode()


@pytest.mark.parametrize(
    "result",
    [
        {"cacheScope": "public", "tools": TOOLS},
        {"tools": TOOLS, "cacheScope": "public"},
        {"tools": TOOLS, "x": {"cacheScope": "public"}, "cacheScope": None},
    ],
)
def test_a_public_list_becomes_private(result: dict[str, object]) -> None:
    """Otherwise a cache would show the list to other callers."""
    changed = LISTS.changed([answer_with(result)])
    assert changed.message["result"] == {**result, **SEARCH}


UNREADABLE = {
    "no JSON": b"tools: search, close",
    "half of it": LIST[:-1],
    "a batch": b"[" + LIST + b"]",
    "a text": b'"tools"',
    "two": LIST + LIST,
    "a byte order mark": b"\xef\xbb\xbf" + LIST,
    "UTF-16": LIST.decode().encode("utf-16"),
    "bytes": LIST.replace(b"close", b"\xff"),
    "NaN": LIST.replace(b"1", b"NaN"),
    "a key twice": LIST.replace(b'"result"', b'"result": {}, "result"', 1),
    "Result": LIST.replace(b'"result"', b'"Result"'),
    "Tools beside tools": answer_with({"tools": [], "Tools": TOOLS}),
    "no tools": answer_with({}),
    "tools by name": answer_with({"tools": {"close": {}}}),
    "a tool without a name": answer_with({"tools": [{"title": "close"}]}),
    "a name that is no text": answer_with({"tools": [{"name": 1}]}),
    "a tool that is no object": answer_with({"tools": ["close"]}),
    "a result that is no object": answer_with([TOOLS]),
    "no result": answer_with(None),
    "nested deeply": LIST.replace(b'"open"', b"[" * 40 + b"]" * 40),
    "too large": LIST + b" " * 2**20,
}  # fmt: skip


@pytest.mark.parametrize("name", UNREADABLE)
@pytest.mark.parametrize("answers", [1, 'a"\\\u00fc'])
def test_a_list_that_cannot_be_read_becomes_an_error(
    name: str, answers: int | str
) -> None:
    body = UNREADABLE[name]
    for parts in ([body], [body[:9], body[9:]]):
        changed = LISTS.changed(parts, answers=answers)
        assert is_error(changed.message, answers)
        assert b"close" not in changed.body


def test_an_encoded_list_becomes_an_error() -> None:
    """The gate asked for a plain answer."""
    for kind in ("application/json", STREAM):
        changed = LISTS.changed([LIST], kind, headers={"content-encoding": "gzip"})  # fmt: skip
        assert changed.headers == {"content-type": kind}
        body = changed.body.removeprefix(b"data: ")
        assert is_error(json.loads(body))
    again = LISTS.changed([b"\x1f\x8b"], STREAM, headers={"content-encoding": "gzip"}, is_answer=False)  # fmt: skip
    assert "error" in json.loads(again.body.removeprefix(b"data: "))
    plain = LISTS.changed([LIST], headers={"content-encoding": "Identity"})
    assert plain.message["result"] == SEARCH


@pytest.mark.parametrize(
    "kind", ["text/html", "", "application/json; charset=utf-16", "x/tools"]
)
def test_every_other_media_type_is_read_as_json(kind: str) -> None:
    changed = LISTS.changed([LIST], kind)
    assert changed.message["result"] == SEARCH
    assert changed.headers == {"content-type": "application/json"}


@pytest.mark.parametrize(
    "body", [b"", b'{"jsonrpc": "2.0", "id": 1, "error": {"code": 1}}']
)
def test_an_answer_without_a_list_stays(body: bytes) -> None:
    assert LISTS.changed([body]).body == body


@pytest.mark.parametrize("fault", ["headers", "readers"])
@pytest.mark.parametrize("kind", ["application/json", STREAM])
def test_scripts_of_other_versions_show_no_list(kind: str, fault: str) -> None:
    """During an update, one of the scripts may be missing."""
    body = event(LIST) if kind == STREAM else LIST
    changed = LISTS.changed([body], kind, fault=fault)
    assert b"close" not in changed.body


def test_answers_of_the_gateway_stay() -> None:
    assert LISTS.changed([LIST], source="exit").body == LIST


# Event streams


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
@pytest.mark.parametrize("size", [1, 2, 7, 10_000])
def test_a_stream_has_only_the_callers_tools(end: str, size: int) -> None:
    """In parts of any size, with every end of line."""
    raw = b"".join(
        [
            b": hello\n\n",
            b"id: 0\ndata:\n\n",
            event(b'{"jsonrpc":"2.0","method":"notifications/progress"}'),
            event(LIST.replace(b"[", b"[\ndata: "), "event: message", "id: 7"),
        ]
    ).replace(b"\n", end.encode())
    parts = [raw[at : at + size] for at in range(0, len(raw), size)]
    changed = LISTS.changed(parts, STREAM)
    hello, first, progress, listed = events_of(changed.body)
    assert hello == {"": "hello"}
    assert first == {"id": "0", "data": ""}
    assert "progress" in progress["data"]
    assert (listed["event"], listed["id"]) == ("message", "7")
    assert json.loads(listed["data"])["result"] == SEARCH


def test_an_event_leaves_as_soon_as_it_ends() -> None:
    """A stream of a GET may stay open."""
    parts = [event(LIST), event(LIST)[:-1], b"\n"]
    changed = LISTS.changed(parts, STREAM, is_answer=False)
    first, second, third, last = changed.parts
    assert first == third and second == last == b""
    assert json.loads(events_of(first)[0]["data"])["result"] == SEARCH


@pytest.mark.parametrize(
    "raw",
    [
        b"\xef\xbb\xbf" + event(LIST),
        event(LIST)[:-1],
        event(LIST)[:-2],
        b"data:" + LIST + b"\n\n",
        event(LIST, "retry: 1", "other", "data"),
        event(LIST, ": data: x"),
    ],
)
def test_other_forms_of_an_event_are_read(raw: bytes) -> None:
    """A byte order mark, a stream that stops early, further fields."""
    (found,) = events_of(LISTS.changed([raw], STREAM).body)
    assert json.loads(found["data"])["result"] == SEARCH


@pytest.mark.parametrize(
    "kind", [f"{STREAM};charset=utf-8", "Text/Event-Stream ; x=1"]
)
@pytest.mark.parametrize("is_answer", [True, False])
def test_a_stream_may_have_parameters(kind: str, is_answer: bool) -> None:
    """Its media type decides, in any spelling."""
    changed = LISTS.changed([event(LIST)], kind, is_answer=is_answer)
    (found,) = events_of(changed.body)
    assert json.loads(found["data"])["result"] == SEARCH
    assert changed.headers == {"content-type": kind}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_event_that_cannot_be_read_becomes_an_error(name: str) -> None:
    body = UNREADABLE[name].replace(b"\r", b" ").replace(b"\n", b" ")
    raw = event(body) + event(LIST)
    for size in (3000, len(raw)):
        parts = [raw[at : at + size] for at in range(0, len(raw), size)]
        broken, whole = events_of(LISTS.changed(parts, STREAM).body)
        assert is_error(json.loads(broken["data"]))
        assert json.loads(whole["data"])["result"] == SEARCH


def test_a_long_line_is_never_kept() -> None:
    """Neither the line nor its end."""
    line = b"data: " + LIST[:-1] + b" " * 3_000_000 + b"}"
    parts = [line[at : at + 50_000] for at in range(0, len(line), 50_000)]
    for end in (b"\n\n", b""):
        changed = LISTS.changed([*parts, end], STREAM)
        (found,) = events_of(changed.body)
        assert is_error(json.loads(found["data"]))


# Streams of a GET, in which a server may send an answer again


def test_a_list_that_is_sent_again_is_cut() -> None:
    changed = LISTS.changed([event(LIST)], STREAM, is_answer=False)
    (found,) = events_of(changed.body)
    assert json.loads(found["data"])["result"] == SEARCH


@pytest.mark.parametrize("name", ["half of it", "a batch", "two", "Tools beside tools", "too large"])  # fmt: skip
def test_an_unreadable_list_that_is_sent_again_is_no_list(name: str) -> None:
    changed = LISTS.changed([event(UNREADABLE[name])], STREAM, is_answer=False)
    (found,) = events_of(changed.body)
    assert b"close" not in changed.body
    assert "error" in json.loads(found["data"])


@pytest.mark.parametrize(
    "body",
    [
        answer_with({"content": [{"type": "text", "text": "tools"}]}),
        answer_with({"content": [{"tools": TOOLS}]}),
        b'{"x": {"x": 1, "x": 2}}',
        b'{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}',
    ],
)
def test_other_messages_of_a_stream_stay(body: bytes) -> None:
    changed = LISTS.changed([event(body)], STREAM, is_answer=False)
    assert changed.body == event(body)


@pytest.mark.parametrize("kind", ["application/json", "text/html"])
def test_other_answers_to_a_get_stay(kind: str) -> None:
    changed = LISTS.changed([LIST], kind, is_answer=False)
    assert changed.body == LIST and "content-length" in changed.headers


# Generated lists

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = st.sampled_from(["a", "b", "c/d", 'e"', "\u00fc", "", "]", "[{"])


@given(
    tools=st.lists(st.tuples(NAMES, JSON), max_size=6),
    may=st.sets(NAMES),
    more=st.dictionaries(st.text(max_size=4), JSON, max_size=3),
    indent=st.sampled_from([None, 0, 2]),
    is_ascii=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_a_generated_list_is_the_list_that_python_cuts(
    tools: list[tuple[str, object]],
    may: set[str],
    more: dict[str, object],
    indent: int | None,
    is_ascii: bool,
    seed: int,
) -> None:
    others = {
        name: value
        for name, value in more.items()
        if name.lower() not in ("tools", "cachescope")
    }
    listed = [{"x": value, "name": name} for name, value in tools]
    message = {"result": {**others, "tools": listed}, "id": 1, "jsonrpc": "2.0"}
    text = json.dumps(message, indent=indent, ensure_ascii=is_ascii).encode()
    kept = [tool for tool in listed if tool["name"] in may]
    random = Random(seed)
    cuts = sorted(random.choices(range(len(text)), k=4))
    parts = [
        text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)
    ]
    names = [name.encode().decode("latin-1") for name in may]
    changed = LISTS.changed(parts, tools=names)
    meant = {**others, "tools": kept, "cacheScope": "private"}
    assert changed.message["result"] == meant
    lines = [b"data: " + line for line in text.split(b"\n")]
    stream = b"\n".join(lines) + b"\n\n"
    (found,) = events_of(LISTS.changed([stream], STREAM, tools=names).body)
    assert json.loads(found["data"])["result"] == meant
