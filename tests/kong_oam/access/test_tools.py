"""MCP tools: a tool is one more method of its path, in every question and in every comparison."""

from __future__ import annotations

from datetime import date
from itertools import product

import pytest

from kong_oam.access.callers import Callers
from kong_oam.access.decide import Request, decide
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.snapshot import dump_model, load_model
from kong_oam.access.graph.build import graph_of
from kong_oam.access.issue import User, issue
from kong_oam.access.matrix.rows import rows
from kong_oam.access.methods import OTHER_TOOL, is_call
from kong_oam.access.model import Estate
from kong_oam.access.report import access_table
from kong_oam.access.tokens import Claims
from kong_oam.invariants.judge import judge
from kong_oam.invariants.model import CallInvariant, Requests, Who
from kong_oam.oam.position import NO_POSITION
from tests.support.diffs import model, requests
from tests.support.estates import api, compiled, estate
from tests.support.lint_estates import linted
from tests.support.mcp_estates import (
    CLOSER_RULE,
    HOST,
    NATIVE,
    NO_OTHER,
    ONLY_MCP,
    READER_RULE,
    desk,
    desk_estate,
    pages,
)

CONNECT = "methods: [POST, GET, DELETE], scopes: [tickets.use]"


def bot_token(of: Estate) -> Claims:
    (client,) = of.clients
    token = issue(of.stack.default_provider, client)
    assert isinstance(token, Claims)
    return token


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("call search", "/mcp", 200, "allowed"),
        ("call search", "/mcp/deeper", 200, "allowed"),
        ("call fetch", "/mcp", 200, "allowed"),
        ("call close", "/mcp", 403, "scope-missing"),
        ("call open", "/mcp", 403, "tool-not-listed"),
        ("call Search", "/mcp", 403, "tool-not-listed"),
        ("call *", "/mcp", 403, "tool-not-listed"),
        ("POST", "/mcp", 200, "allowed"),
        ("PUT", "/mcp", 403, "method-not-listed"),
        ("call search", "/MCP", 400, "ambiguous-path"),
        # Nobody reads messages there, so the call of a tool is a POST.
        ("call close", "/other", 200, "allowed"),
        ("call a b", "/mcp", 404, "method-unknown"),
        ("call ", "/mcp", 404, "method-unknown"),
    ],
)
def test_a_tool_is_one_more_method(
    method: str, path: str, status: int, code: str
) -> None:
    desk = desk_estate()
    request = Request(method, HOST, path.encode())
    decision = decide(desk, request, bot_token(desk))
    assert (decision.status, decision.code) == (status, code)


def test_a_tool_needs_a_token_like_any_method() -> None:
    request = Request("call search", HOST, b"/mcp")
    assert decide(desk_estate(), request, None).code == "token-needed"


# Bad input

BAD = [
    ((CONNECT, CONNECT.replace("POST, ", "")), "ACC290", 19, "nobody may connect to the tools of /mcp"),
    (("tools: [close]", "tools: [close], methods: [POST]"), "OAM103", 20, "`methods` or `tools`, not both"),
    (("tools: [close]", "tools: [close, close]"), "OAM10", 20, ""),
    (("tools: [close]", 'tools: ["cl*"]'), "OAM10", 20, ""),
    (("tools: [close]", 'tools: [""]'), "OAM10", 20, ""),
    (("tools: [close]", f"tools: [{'x' * 129}]"), "OAM10", 20, ""),
    (("tools: [close]", "tools: []"), "OAM10", 20, ""),
    (("owner: desk", "owner: desk\n            forwardToken: true"), "ACC292", 16, "an MCP server gets no token"),
    (
        ("scopes: [tickets.use, tickets.read]}]", "scopes: [tickets.read]}]"),
        "ACC291", 19, "but may not connect to /mcp; give desk/bot a scope",
    ),
    (
        ("scopes: [tickets.read]}\n", "public: {reason: x}}\n"),
        "ACC291", 19, "everybody may call tool",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("change", "code", "line", "words"), BAD)
def test_a_mistake_has_a_position(
    change: tuple[str, str], code: str, line: int, words: str
) -> None:
    found = [*compiled(desk(change)).diagnostics]
    errors = [each for each in found if each.code.startswith(code)]
    assert errors, found
    assert {each.position.line for each in errors} == {line}
    assert all(words in each.message for each in errors)
    assert {each.code for each in found if not each.code.startswith("LINT")} == {each.code for each in errors}  # fmt: skip


def test_users_that_may_not_connect_are_named() -> None:
    """Users get `tickets.write` from a group, and `tickets.use` from another group."""
    text = desk(
        ("closer: {scopes: [tickets.use, tickets.write], groups: [desk]}",
         "closer: {scopes: [tickets.write], groups: [desk], components: [desk/app]}\n"
         "              user: {scopes: [tickets.use], groups: [staff], components: [desk/app]}"),
    ) + NATIVE  # fmt: skip
    (found,) = compiled(text).diagnostics
    assert found.code == "ACC291"
    assert found.message.startswith(
        "desk/app for users in desk may call tool 'close'"
    )


def test_a_grpc_port_serves_no_tools() -> None:
    (found,) = compiled(desk(("{port: 8000,", "{port: 8000, name: grpc,"))).diagnostics  # fmt: skip
    assert (found.code, found.position.line) == ("ACC218", 12)


def test_tools_at_a_path_of_another_component_are_an_error() -> None:
    """Whether the other component has tools, too."""
    chat = desk(ONLY_MCP, NO_OTHER)
    for old, new in (("{name: desk}", "{name: chat, namespace: chat}"), ("desk/", "chat/"), ("tickets.", "chat.")):  # fmt: skip
        chat = chat.replace(old, new)
    for other, key in ((pages("/mcp"), "pages/web"), (chat, "chat/mcp")):
        errors = [
            found
            for found in compiled(desk(), other).diagnostics
            if found.severity == "error"
        ]
        assert [(each.code, each.position.line) for each in errors] == [("ACC293", 19)]  # fmt: skip
        assert f"{HOST}/mcp reach '{key}' (app2.yaml:12:" in errors[0].message
        elsewhere = other.replace(HOST, "chat.example.com")
        assert compiled(desk(), elsewhere).estate is not None


# Lint


def test_another_path_of_a_tool_server_is_a_finding() -> None:
    """Also a shorter path, and not a path of another component."""
    text = desk(
        ("- {paths: [/other], methods: [POST], scopes: [tickets.use]}",
         "- {paths: [/sse, /messages], scopes: [tickets.use]}"),
    )  # fmt: skip
    _, findings = linted({"a.yaml": text, "b.yaml": api()})
    found = [each for each in findings if each.code == "LINT321"]
    assert [each.position.line for each in found] == [21, 21]
    assert "/sse" in found[0].message and "tools on /mcp" in found[0].message


def test_tools_shadow_nothing_and_are_not_shadowed() -> None:
    _, findings = linted({"a.yaml": desk()})
    assert not [each for each in findings if each.code == "LINT304"]


def test_a_tool_that_asks_for_more_than_its_twin_never_decides() -> None:
    more = CLOSER_RULE.replace("scopes: [tickets.write]", "scopes: [tickets.use, tickets.write]")  # fmt: skip
    _, findings = linted({"a.yaml": desk((CLOSER_RULE, CLOSER_RULE + more))})
    (found,) = (each for each in findings if each.code == "LINT304")
    assert "call close /mcp needs only tickets.write" in found.message


# Questions


def test_tables_list_tools() -> None:
    table = access_table(desk_estate())
    assert "call fetch,call search desk.example.com/mcp  desk/mcp: tickets.read: desk/bot" in table  # fmt: skip
    assert "call close desk.example.com/mcp" in table


def test_rows_have_tools() -> None:
    """Other tools have no row: nobody may call them."""
    desk = desk_estate()
    found = {
        row.methods: {*(each.client for each in row.access.principals)}
        for row in rows(desk, Callers(desk))
        if row.region.subtree.path == ("mcp",)
    }
    assert found == {
        ("GET", "HEAD", "POST", "DELETE", "call fetch", "call search"): {
            "desk/bot"
        },
        ("call close",): set(),
    }


def test_a_graph_has_tools() -> None:
    edges = graph_of(desk_estate()).edges
    lines = {line for edge in edges for line in edge.items}
    assert {"call search /mcp", "call close /mcp"} <= lines


def test_networks_of_post_are_networks_of_tools() -> None:
    """A tool is called by a POST, so `ip-allow` for POST restricts it."""
    trait = (
        "        - type: ip-allow\n"
        "          properties: {rules: [{paths: [/mcp], methods: [POST], from: [192.0.2.0/24]}]}\n"
    )
    access = "        - type: access\n"
    desk = desk_estate((access, trait + access))
    token = bot_token(desk)
    for method in ("POST", "call search"):
        inside, outside = (
            decide(desk, Request(method, HOST, b"/mcp", address), token)
            for address in ("192.0.2.1", "198.51.100.1")
        )
        assert (inside.code, outside.code) == (
            "allowed",
            "address-not-allowed",
        )


def test_an_invariant_about_post_is_about_tools() -> None:
    """A rule that refuses a path for POST may leave it to tools."""
    refusing = desk((CONNECT, f"{CONNECT}, refusals: {{below: [/mcp/x]}}"))
    invariant = CallInvariant(
        "never",
        Who(clients=frozenset({"desk/bot"})),
        Requests(("POST",), HOST, ("mcp", "x", "y")),
        "no agent",
        "desk",
        (),
        NO_POSITION,
    )
    (broken,) = judge([invariant], estate(refusing), date(2026, 12, 2)).broken
    assert broken.request is not None
    assert broken.request.method == "call fetch"


# Comparisons

PLAIN = desk((READER_RULE, ""), (CLOSER_RULE, ""))
VARIANTS = {
    "plain": PLAIN,
    "tools": desk(),
    "one tool more": desk(("tools: [close]", "tools: [close, open]")),
    "one tool fewer": desk(("tools: [search, fetch]", "tools: [search]")),
    "a tool for readers": desk((CLOSER_RULE, ""), ("[search, fetch]", "[search, fetch, close]")),
    "another path": desk((READER_RULE, READER_RULE.replace("/mcp", "/other"))),
    "public tools": desk(
        (CONNECT, "methods: [POST, GET, DELETE], public: {reason: x}"), (READER_RULE, READER_RULE.replace("scopes: [tickets.read]", "public: {reason: x}")),
    ),
}  # fmt: skip
METHODS = ("GET", "POST", "call search", "call fetch", "call close", "call open", "call any")  # fmt: skip


@pytest.mark.parametrize(("before", "after"), [*product(VARIANTS, repeat=2)])
def test_a_comparison_names_exactly_the_tools_that_change(
    before: str, after: str
) -> None:
    """For each method and path that `decide` answers otherwise, and for no other. A tool that
    neither side names is among the other tools."""
    old, new = model(VARIANTS[before]), model(VARIANTS[after])
    changes = requests(diff(old, new))
    for method, path in product(METHODS, ("mcp", "other")):
        named = {
            listed
            for each in (old, new)
            for rule in each.estate.components["desk/mcp"].owned[(path,)]
            for listed in rule.methods
        }
        listed = method
        if is_call(method) and method not in named:
            listed = OTHER_TOOL
        answers = [
            (_allows(each.estate, method, path, None), _allows(each.estate, method, path, bot_token(each.estate)))
            for each in (old, new)
        ]  # fmt: skip
        covering = [
            change
            for change in changes
            if change.region.subtree.path == (path,)
            and listed in change.methods
        ]
        assert bool(covering) == (answers[0] != answers[1]), (method, path)


def _allows(of: Estate, method: str, path: str, token: Claims | None) -> bool:
    return decide(of, Request(method, HOST, f"/{path}".encode()), token).allowed


@pytest.mark.parametrize("name", VARIANTS)
def test_an_exported_model_has_the_tools(name: str) -> None:
    exported = load_model(dump_model(model(VARIANTS[name])))
    assert requests(diff(exported, model(VARIANTS[name]))) == []
    assert dump_model(exported) == dump_model(model(VARIANTS[name]))


def test_every_user_and_client_has_the_access_that_decide_gives() -> None:
    """The rows of callers follow from `issue` and `decide`, for tools too."""
    text = desk() + NATIVE
    text = text.replace("groups: [desk]}", "groups: [desk], components: [desk/app]}")  # fmt: skip
    both = estate(text)
    component = both.components["desk/mcp"]
    access = Callers(both).at(component, ("mcp",))
    for client, method in product(both.clients, component.methods_at(("mcp",))):
        user = User("ann", ("desk",)) if client.user_facing else None
        token = issue(both.stack.default_provider, client, user)
        assert isinstance(token, Claims)
        request = Request(method, HOST, b"/mcp")
        principals = {each.client for each in access[method].principals}
        assert decide(both, request, token).allowed == (
            client.component in principals
        )
