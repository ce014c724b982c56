"""MCP tools at the gate, in the sandbox (a stand-in for Kong): a tool is one more method of its path."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from kong_oam.access.decide import Request, answer
from kong_oam.access.methods import call_of
from kong_oam.kong import plugins
from kong_oam.kong.sources import FILES
from kong_oam.kong.table import table
from sandbox.kong import Kong
from sandbox.kong.proxy import Answer
from tests.support.estates import PROVIDER, estate
from tests.support.gateway_estates import Scene
from tests.support.gateway_tokens import Issuer
from tests.support.listing_server import ALL, listed, listing_server
from tests.support.mcp_estates import (
    CLOSER_RULE,
    HOST,
    READER_RULE,
    call,
    chunked,
    desk_estate,
    desk_scene,
    head,
    message,
    post,
    search_of,
)
from tests.support.messages.hostile import (
    CLOSE,
    SEARCH,
    Hostile,
    hostile_messages,
)
from tests.support.scenes import gateway_of
from tests.support.tiers import examples

TOOLS_OF_ESTATES = ("a", "b/c", "d-e", "f")
SCENE = desk_scene()
HOSTILE = [*hostile_messages()]
BOT = SCENE.issuers["main"].service(
    ["tickets.use", "tickets.read", "tickets.write"], client="desk/bot"
)
"""A token that lists all scopes. `desk/bot` was granted `tickets.use` and `tickets.read`."""
JSON = ("Content-Type", "application/json")


@pytest.fixture(scope="module")
def kong() -> Iterator[Kong]:
    with gateway_of(SCENE) as gateway:
        yield gateway


def problem(answer: Answer) -> str:
    body = json.loads(answer.body)
    return str(body["error"]["data"]["type"]).rpartition(":")[2]


def message_headers(answer: Answer) -> dict[str, str]:
    """The headers about the message, as the workload gets them."""
    assert answer.upstream is not None
    folded = [
        (name.lower().replace("_", "-"), value)
        for name, value in answer.upstream.headers
    ]
    names = [name for name, _ in folded if name.startswith("mcp-")]
    assert len(names) == len({*names})
    return {name: value for name, value in folded if name in names}


@pytest.mark.parametrize(
    ("body", "status", "type_"),
    [
        (call("search"), 200, ""),
        (call("fetch"), 200, ""),
        (call("close"), 403, "not-allowed"),
        (call("open"), 403, "not-allowed"),
        (message("tools/list"), 200, ""),
        (b'{"jsonrpc":"2.0","method":"notifications/initialized"}', 200, ""),
        (b'{"jsonrpc":"2.0","id":1,"result":{}}', 200, ""),
        (b"[]", 400, "message-unreadable"),
        (b"", 400, "message-unreadable"),
    ],
)
def test_a_message_is_decided_by_its_tool(
    kong: Kong, body: bytes, status: int, type_: str
) -> None:
    answered = kong.handle(post(body, BOT), scheme="https")
    assert answered.status == status, answered.body
    assert (answered.upstream is not None) == (status == 200)
    if type_:
        assert problem(answered) == type_


@pytest.mark.parametrize("body", [call("search"), b"[]", b""])
def test_the_caller_comes_before_the_message(kong: Kong, body: bytes) -> None:
    """Without a token, nobody learns whether a message can be read."""
    answered = kong.handle(post(body), scheme="https")
    assert (answered.status, problem(answered)) == (401, "token-needed")


def test_the_gate_knows_the_caller_before_it_reads() -> None:
    """Beside a public rule `jwt` lets everybody through to the gate."""
    public = desk_scene(
        ("methods: [POST], scopes: [tickets.use]", "public: {reason: pages}")
    )
    with gateway_of(public) as gateway:
        answered = gateway.handle(post(b"[]"), scheme="https")
    assert (answered.status, problem(answered)) == (401, "token-needed")


def test_a_public_tool_is_read_without_a_token() -> None:
    """So that another tool of the path needs one."""
    public = desk_scene(
        ("methods: [POST, GET, DELETE], scopes: [tickets.use]", "methods: [POST], public: {reason: docs}"),
        ("tools: [search, fetch], scopes: [tickets.read]", "tools: [search], public: {reason: docs}"),
    )  # fmt: skip
    bodies = [call("search"), call("close"), call("open"), b"[]"]
    with gateway_of(public) as gateway:
        statuses = [
            gateway.handle(post(body), scheme="https").status for body in bodies
        ]
    assert statuses == [200, 401, 401, 400]


@pytest.mark.parametrize("path", ["/mcp", "/mcp/", "/mcp/deeper", "/m%63p"])
def test_messages_are_read_at_the_path_and_below(kong: Kong, path: str) -> None:
    answered = kong.handle(post(call("close"), BOT, path), scheme="https")
    assert answered.status == 403


def test_other_paths_are_not_read(kong: Kong) -> None:
    """A rule without tools allows any body."""
    answered = kong.handle(post(b"[]", BOT, "/other"), scheme="https")
    assert answered.status == 200


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "HEAD"])
def test_other_methods_are_plain(kong: Kong, method: str) -> None:
    """Only a POST has a message. Other methods need a rule that lists them."""
    raw = post(call("close"), BOT).replace(b"POST", method.encode(), 1)
    answered = kong.handle(raw, scheme="https")
    assert answered.status == (403 if method == "PUT" else 200)


@pytest.mark.parametrize(
    "name", ["Mcp-Method", "mcp-name", "Mcp_Name", "MCP_METHOD", "mCp-NaMe"]
)
def test_only_the_gate_tells_the_workload_about_the_message(
    kong: Kong, name: str
) -> None:
    """A caller's own header is removed in any spelling, also if the message has no such value."""
    headers = (JSON, (name, "close"), (name, "tools/call"))
    for body, expected in (
        (call("search"), {"mcp-method": "tools/call", "mcp-name": "search"}),
        (message("tools/list"), {"mcp-method": "tools/list"}),
        (b'{"jsonrpc":"2.0","id":1,"result":{}}', {}),
    ):
        raw = post(body, BOT, headers=headers)
        assert message_headers(kong.handle(raw, scheme="https")) == expected


@pytest.mark.parametrize(
    ("uri", "encoded"),
    [
        ("file:///a", "file:///a"),
        ("file:///\u00fc", "=?base64?ZmlsZTovLy/DvA==?="),
        ("a\r\nX-Auth-Client: b", "=?base64?YQ0KWC1BdXRoLUNsaWVudDogYg==?="),
        ("=?base64?YQ==?=", "=?base64?PT9iYXNlNjQ/WVE9PT89?="),
    ],
)
def test_names_are_encoded_as_the_specification_says(
    kong: Kong, uri: str, encoded: str
) -> None:
    raw = post(message("resources/read", uri=uri), BOT)
    answered = kong.handle(raw, scheme="https")
    assert message_headers(answered)["mcp-name"] == encoded


def test_there_are_enough_hostile_messages() -> None:
    assert len({hostile.name for hostile in HOSTILE}) == len(HOSTILE) >= 56


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.name)
def test_no_hostile_message_reaches_the_workload(
    kong: Kong, hostile: Hostile
) -> None:
    raw = post(hostile.body, BOT, headers=hostile.headers)
    answered = kong.handle(raw, scheme="https")
    assert answered.upstream is None
    assert answered.status == hostile.status, answered.body


def test_the_message_that_they_imitate_is_allowed(kong: Kong) -> None:
    """So that the hostile messages are rejected for their own sake."""
    answered = kong.handle(post(SEARCH, BOT), scheme="https")
    assert answered.status == 200
    whole = SCENE.issuers["main"].service(["tickets.use", "tickets.write"])
    answered = kong.handle(post(CLOSE, whole), scheme="https")
    assert answered.status == 200


@pytest.mark.parametrize("size", [2**20, 2**20 + 1])
@pytest.mark.parametrize("form", ["length", "chunks"])
def test_a_message_has_at_most_one_mebibyte(
    kong: Kong, size: int, form: str
) -> None:
    body = search_of(size)
    raw = post(body, BOT) if form == "length" else chunked(body, BOT)
    answered = kong.handle(raw, scheme="https")
    assert answered.status == (200 if size == 2**20 else 413)
    if answered.upstream:
        assert answered.upstream.body == body
    else:
        assert problem(answered) == "body-too-large"


@pytest.mark.parametrize("size", [2000, 2001])
def test_limits_bound_messages(size: int) -> None:
    """A trait `limits` says how large a message may be."""
    limits = "        - {type: limits, properties: {body: 2Ki}}\n"
    access = "        - type: access\n"
    scene = desk_scene((access, limits + access))
    issuer = scene.issuers["main"]
    token = issuer.service(["tickets.use", "tickets.read"], client="desk/bot")
    body = search_of(size + 48)
    with gateway_of(scene) as gateway:
        answered = gateway.handle(post(body, token), scheme="https")
    assert answered.status == (200 if size == 2000 else 413)


# Ports without tools


def _script_of(decided_by: str) -> str:
    admission = plugins.admission(decided_by)
    gate = plugins.gate(decided_by, '{"host":"h","port":1}')
    return json.dumps([admission, gate])


def test_ports_without_tools_have_no_code_for_tools() -> None:
    """Their scripts are the sources without the marked lines. Their tables have no word about
    tools."""
    without = desk_estate(
        (READER_RULE, ""),
        (CLOSER_RULE, ""),
    )  # fmt: skip
    component = without.components["desk/mcp"]
    (backend,) = component.backends
    decided_by = table(without, component, backend, "ring")
    assert "tool" not in decided_by and "call " not in decided_by
    script = _script_of(decided_by)
    for word in ("tool", "message", "get_raw_body", "Mcp-"):
        assert word not in script
    assert "get_raw_body" in _script_of('{"tools":{}}')


def test_marked_lines_only_add() -> None:
    """Each mark has an end, and no marked line stands in an expression."""
    for file in FILES.values():
        text = file.read_text("utf-8")
        marks = re.findall(r"^ *-- (With tools:|End of tools\.)$", text, re.M)
        assert marks == ["With tools:", "End of tools."] * (len(marks) // 2)


# Lists


def get(token: str) -> bytes:
    return head(token, "/mcp", ()).replace(b"POST", b"GET", 1)


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
def test_a_list_has_the_tools_that_the_caller_may_call(
    kong: Kong, kind: str
) -> None:
    closer = SCENE.issuers["main"].user(["tickets.use", "tickets.write"], ["desk"])  # fmt: skip
    for token, tools in ((BOT, ["search", "fetch"]), (closer, ["close"])):
        raw = post(message("tools/list"), token)
        answered = kong.handle(raw, "https", send=listing_server(kind))
        assert listed(answered) == tools
        assert b'"cacheScope":"private"' in answered.body


def test_a_stream_of_a_get_has_no_other_tools(kong: Kong) -> None:
    """A server may send an answer again."""
    stream = listing_server("text/event-stream")
    assert listed(kong.handle(get(BOT), "https", send=stream)) == ["search", "fetch"]  # fmt: skip
    assert listed(kong.handle(get(BOT), "https", send=listing_server())) == [*ALL]  # fmt: skip


def test_a_list_has_no_tools_of_other_networks() -> None:
    """The stream of a GET has tools, and only some addresses may call them."""
    trait = (
        "        - type: ip-allow\n"
        "          properties: {rules: [{paths: [/mcp], methods: [POST], from: [192.0.2.0/24]}]}\n"
    )
    access = "        - type: access\n"
    scene = desk_scene((access, trait + access))
    bot = scene.issuers["main"].service(
        ["tickets.use", "tickets.read"], client="desk/bot"
    )
    stream = listing_server("text/event-stream")
    with gateway_of(scene) as gateway:
        for peer, tools in (
            ("192.0.2.1", ["search", "fetch"]),
            ("198.51.100.1", []),
        ):
            answered = gateway.handle(get(bot), "https", peer, send=stream)
            assert listed(answered) == tools


def test_other_answers_stay(kong: Kong) -> None:
    """A list in the answer to another message, at another path, and beside no tools."""
    server = listing_server()
    for raw in (
        post(message("resources/list"), BOT),
        post(call("search"), BOT),
        post(message("tools/list"), BOT, "/other"),
    ):
        answered = kong.handle(raw, "https", send=server)
        assert listed(answered) == [*ALL] and b"cacheScope" not in answered.body


def test_the_server_is_asked_for_a_plain_list(kong: Kong) -> None:
    """An encoded list becomes an error. Other answers may be encoded."""
    packed = (("Content-Type", "application/json"), ("Accept-Encoding", "gzip"))
    for raw, coding in (
        (post(message("tools/list"), BOT, headers=packed), "identity"),
        (post(message("prompts/list"), BOT, headers=packed), "gzip"),
    ):
        answered = kong.handle(raw, scheme="https")
        assert answered.upstream is not None
        sent = dict(answered.upstream.headers)
        assert sent["Accept-Encoding"] == coding
    server = listing_server(Content_Encoding="gzip")
    answered = kong.handle(post(message("tools/list"), BOT), "https", send=server)  # fmt: skip
    assert json.loads(answered.body)["error"]["code"] == -32010
    assert "Content-Encoding" not in dict(answered.headers)


# Enforced equals meant

SCOPES = ("a.use", "b.read", "c.write")


def _generated_estate(random: Random, count: int) -> list[str]:
    texts = []
    for number in range(count):
        prefix = f"n{number}"
        scopes = [f"{prefix}.{scope}" for scope in SCOPES]
        use = scopes[0]
        rules = [
            f"{{paths: [/], methods: [{random.choice(['GET', 'POST', 'GET, POST'])}], scopes: [{use}]}}"
        ]
        for path in ("/mcp", "/mcp/deep", "/plain"):
            is_public = random.random() < 0.2
            needed = "public: {reason: r}" if is_public else f"scopes: [{use}]"
            methods = random.choice(("", "methods: [POST, GET], "))
            rules.append(f"{{paths: [{path}], {methods}{needed}}}")
            if path == "/plain":
                continue
            for tool in random.sample(TOOLS_OF_ESTATES, 2):
                required = [use, *random.sample(scopes[1:], random.choice((0, 1, 2)))]  # fmt: skip
                access = f"scopes: [{', '.join(required)}]"
                if is_public and random.random() < 0.5:
                    access = "public: {reason: t}"
                refusal = random.choice(
                    ("", f", refusals: {{begins: [{path}/x]}}")
                )
                rules.append(
                    f"{{paths: [{path}], tools: [{tool}], {access}{refusal}}}"
                )
        listed = "\n".join(f"              - {rule}" for rule in rules)
        texts.append(f"""
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: {prefix}}}
spec:
  components:
    - name: {prefix}
      type: webservice
      properties: {{image: x, ports: [{{port: 8000, expose: true}}]}}
      traits:
        - type: gateway
          properties: {{domain: {prefix}.example.com, http: {{/: 8000}}}}
        - type: access
          properties:
            owner: x
            scopes: {{{", ".join(f"{scope}: s" for scope in scopes)}}}
            rules:
{listed}
            roles:
              some: {{scopes: [{use}, {scopes[1]}], groups: [sales]}}
              all: {{scopes: [{", ".join(scopes)}], groups: [desk]}}
""")
    return texts


@pytest.mark.generated
@pytest.mark.timeout(600)
def test_the_gate_decides_as_decide() -> None:
    """On generated estates: tools listed and not, other messages, methods, paths and callers."""
    random = Random(11)
    count = 24
    issuer = Issuer(time.time(), PROVIDER)
    scene = Scene(estate(*_generated_estate(random, count)), {"main": issuer})
    seen: dict[str, int] = {}
    lengths: set[int] = set()
    with gateway_of(scene) as gateway:
        for _ in range(examples(6_000)):
            number = random.randrange(count)
            scopes = [f"n{number}.{scope}" for scope in SCOPES]
            issued = random.sample(scopes, random.choice((1, 2, 3, 3)))
            token = random.choice(
                (
                    None,
                    issuer.service(issued),
                    issuer.service(issued, client="d"),
                    issuer.user(issued, random.choice((["sales"], ["desk"]))),
                )
            )
            path = random.choice(
                ("/mcp", "/mcp/deep", "/mcp/x1", "/mcp/deep/x/y", "/plain", "/", "/MCP", "/mcp/DEEP")
            )  # fmt: skip
            method, raw = _random_request(random, token, path)
            host = f"n{number}.example.com"
            raw = raw.replace(HOST.encode(), host.encode())
            request = Request(method, host, path.encode())
            headers = [f"Bearer {token}"] if token else []
            meant = answer(
                scene.estate, request, headers, scene.rings, scene.now
            )
            got = gateway.handle(raw, scheme="https")
            assert got.status == meant.status, (raw, meant, got.body)
            assert (got.upstream is not None) == meant.allowed
            if meant.allowed and b"tools/list" in raw:
                tools = [
                    tool
                    for tool in ALL
                    if answer(
                        scene.estate,
                        replace(request, method=call_of(tool)),
                        headers,
                        scene.rings,
                        scene.now,
                    ).allowed
                ]
                again = gateway.handle(raw, "https", send=listing_server())
                is_endpoint = path.startswith("/mcp")
                assert listed(again) == (tools if is_endpoint else [*ALL])
                lengths.add(len(tools))
            seen[meant.code] = seen.get(meant.code, 0) + 1
    assert lengths >= {0, 1, 2}
    assert {*seen} >= {
        "allowed",
        "public",
        "token-needed",
        "scope-missing",
        "tool-not-listed",
        "path-refused",
        "method-not-listed",
        "ambiguous-path",
    }


def _random_request(
    random: Random, token: str | None, path: str
) -> tuple[str, bytes]:
    """Return the method by which `decide` judges, and the bytes of the request."""
    if random.random() < 0.2:
        method = random.choice(("GET", "PUT", "DELETE"))
        raw = post(call("a"), token, path)
        return method, raw.replace(b"POST", method.encode(), 1)
    if random.random() < 0.2:
        return "POST", post(message("tools/list"), token, path)
    tool = random.choice((*TOOLS_OF_ESTATES, "other"))
    return call_of(tool), post(call(tool), token, path)
