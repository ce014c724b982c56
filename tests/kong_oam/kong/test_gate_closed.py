"""The scripts are closed on every error: whatever fails, is missing or is of another kind, no request gets further.

Each test starts from a request that is refused, and shows that the same faults let it through nowhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pytest

from kong_oam.access.tokens import KeyRing
from kong_oam.kong.script import embedded
from tests.support.gate_requests import (
    ISSUER,
    READ,
    TABLE,
    as_left,
    gate_call,
    table_with,
)
from tests.support.json_object import JsonObject
from tests.support.lua_scripts import CALLS, Lua, LuaApiError, admission, gate
from tests.support.tiers import deep_after

OTHER, NOBODY = ISSUER.service(["other"]), None
EXPIRED = ISSUER.token(["read"], exp=1)
WITHOUT_AUDIENCE = ISSUER.token(["read"], aud=None)
RING: KeyRing = ISSUER.ring
WRONG = [
    None,
    True,
    False,
    -1.5,
    "",
    "x",
    {},
    {"1": 2},
    [],
    ["x"],
    LuaApiError("injected"),
]
"""Faults of an API that never happen: it returns nothing, returns another type, or raises."""


def admitted(
    path: str, headers: Mapping[str, Any], fault: tuple[str, Any] | None = None
) -> Lua:
    """The same as admission sees it, before everything else."""
    facts = {
        "ngx.var.request": f"GET {path} HTTP/1.1",
        "ngx.var.request_uri": path,
        "ngx.req.get_headers": headers,
    }
    return Lua(admission(), facts, None, fault)


REFUSED = {
    "nobody": (gate_call(NOBODY), 401),
    "expired": (gate_call(EXPIRED), 401),
    "without the scope": (gate_call(OTHER), 403),
    "without the scope, deeper": (
        gate_call(READ, path="/orders/health/deep"),
        403,
    ),
    "no audience": (gate_call(WITHOUT_AUDIENCE), 401),
    "unreadable": (gate_call(READ, path="/orders/..%2fx"), 400),
    "another host": (
        gate_call(READ, **{"ngx.var.http_host": "other.example.com"}),
        404,
    ),
    "another component's path": (gate_call(READ, path="/orders/nested"), 404),
    "no rule for the method": (
        gate_call(READ, **{"ngx.req.get_method": "DELETE"}),
        403,
    ),
    "another ring": (
        gate_call(
            READ,
            **{"kong.client.get_consumer": {"id": "1", "username": "stray"}},
        ),
        401,
    ),
}


def repeat(request: Lua, **changes: Any) -> Lua:
    """The same request once more, on a fresh runtime."""
    values = {
        "code": request.code,
        "facts": request.facts,
        "token": request.token,
        "fault": request.fault,
        "admitted": request.admitted,
        "before": request.before,
    }
    return Lua(**{**values, **changes})


@pytest.mark.parametrize(("request_", "status"), REFUSED.values(), ids=REFUSED)
def test_the_requests_of_this_file_are_refused_without_any_fault(
    request_: Lua, status: int
) -> None:
    """Otherwise the tests below would show nothing."""
    call = repeat(request_)
    assert call.denied() == status


def test_a_request_with_the_scope_goes_on_and_calls_all_that_the_gate_calls() -> (
    None
):
    """So every call of the gate is among those that are made to fail."""
    call = gate_call(READ)
    assert call.run() == "on"
    assert call.upstream_headers == {
        "X-Auth-Client": "c",
        "X-Auth-Subject": "c",
        "X-Auth-Scopes": "read",
        "Host": "orders.example.com",
    }
    assert call.target == ("api.test", 80)
    assert set(call.called) == set(CALLS["gate"])


@pytest.mark.parametrize("name", [*CALLS["gate"], "kong.log.err"])
@pytest.mark.parametrize(("request_", "status"), REFUSED.values(), ids=REFUSED)
def test_no_failing_call_opens_the_gate(
    request_: Lua, status: int, name: str
) -> None:
    """Each call in turn raises, answers nothing, or something of another kind."""
    for wrong in WRONG:
        if name == "ngx.now" and isinstance(wrong, float):
            continue  # another moment, and no fault
        call = repeat(request_, fault=(name, wrong))
        assert call.run() in ("exit", "error"), wrong
        assert call.upstream_headers == {} and call.target is None


@pytest.mark.parametrize(
    "does", [LuaApiError("injected"), "came back"], ids=["raises", "comes back"]
)
@pytest.mark.parametrize(("request_", "status"), REFUSED.values(), ids=REFUSED)
def test_an_exit_that_fails_ends_the_request_all_the_same(
    request_: Lua, status: int, does: Any
) -> None:
    """Kong answers 500 to a script that fails. A script that only returns would let the request
    continue."""
    assert repeat(request_, fault=("kong.response.exit", does)).run() == "error"


def test_a_request_that_admission_has_not_seen_is_refused() -> None:
    """Whatever stands in place of its mark: nothing, since admission is missing, or something of another kind."""
    for instead in (None, True, 7, {}, [TABLE]):
        call = repeat(gate_call(READ), admitted=instead)
        assert (call.denied(), call.target) == (503, None)
        call = repeat(gate_call(READ), before=None, readers=instead)
        assert (call.run(), call.target) == ("exit", None) and call.status in (
            500,
            503,
        )
    for text in (
        "",
        "{}",
        "null",
        TABLE[:-1],
        TABLE.replace('"version": 4', '"version": 3'),
    ):
        call = repeat(gate_call(READ), admitted=text)
        assert (call.denied(), call.target) == (500, None)


def test_both_tables_have_to_allow() -> None:
    """Admission has another table during a run, or after an interrupted run. Each table can deny
    the request."""
    write = table_with(rules={"/orders": {"GET": [["write"]]}})
    public = table_with(rules={"/orders": {"GET": "public"}})
    elsewhere = table_with(hosts={})
    for of_gate, of_admission, status in (
        (TABLE, write, 403), (write, TABLE, 403), (TABLE, elsewhere, 404), (elsewhere, TABLE, 404), (write, public, 403), (public, write, 403),
    ):  # fmt: skip
        call = repeat(gate_call(READ, of_gate), admitted=as_left(of_admission))
        assert (call.run(), call.status, call.target) == (
            "exit",
            status,
            None,
        ), (
            of_gate,
            of_admission,
        )
    for of_gate, of_admission in ((TABLE, public), (public, TABLE)):
        call = repeat(gate_call(READ, of_gate), admitted=as_left(of_admission))
        assert (call.run(), call.upstream_headers["X-Auth-Scopes"]) == (
            "on",
            "read",
        )
    call = repeat(gate_call(None, public), admitted=as_left(TABLE))
    assert call.denied() == 401
    token = ISSUER.token(["read", "write"])
    table = table_with(services={"c": ["read", "a.b"]})
    for of_gate, of_admission in ((TABLE, table), (table, TABLE)):
        call = repeat(gate_call(token, of_gate), admitted=as_left(of_admission))
        assert (call.run(), call.upstream_headers["X-Auth-Scopes"]) == (
            "on",
            "read",
        )


@pytest.mark.parametrize(
    "leads",
    [
        "", "{}", "null", "[]", '{"host": "api.test"}', '{"port": 80}', '{"host": "", "port": 80}', '{"host": "a:80", "port": 80}',
        '{"host": "a b", "port": 80}', '{"host": "[::1", "port": 80}', '{"host": 7, "port": 80}', '{"host": "a", "port": "80"}',
        '{"host": "a", "port": 0}', '{"host": "a", "port": 80.5}', '{"host": "a", "port": 65536}', '{"host": "a", "port": -1}',
    ],
)  # fmt: skip
def test_a_workload_whose_address_cannot_be_read_is_not_reached(
    leads: str,
) -> None:
    """Kong accepts some of these addresses, and answers an error to others."""
    call = gate_call(READ)
    call.code = gate(TABLE, leads)
    assert (call.denied(), call.target) == (500, None)


def test_the_workload_is_told_of_last_with_the_clients_own_host() -> None:
    """Kong writes the target's name into the Host header; a name, an address and one in brackets are known."""
    for host in ("api.orders.svc.cluster.local", "10.0.0.1", "[fd00::1]"):
        call = gate_call(READ)
        call.code = gate(TABLE, json.dumps({"host": host, "port": 8080}))
        assert (call.run(), call.target) == ("on", (host, 8080))
        assert call.called[-1] == "kong.service.request.set_header"
        assert call.upstream_headers["Host"] == "orders.example.com"


@pytest.mark.parametrize(
    "name",
    [
        "kong.service.set_target",
        "ngx.var.http_host",  # the workload would be asked under another name
        "kong.service.request.set_header",  # it would see no caller
        "kong.service.request.clear_header",  # or the caller of a leftover header
    ],
)
def test_a_fault_on_the_way_to_the_workload_ends_the_request(name: str) -> None:
    """The target, the Host header and the caller's identity are set, or the answer is 500."""
    call = gate_call(READ, fault=(name, LuaApiError("injected")))
    assert call.denied() == 500


def test_admission_marks_what_it_lets_pass_and_nothing_else() -> None:
    """With its table, as it stands."""
    call = admitted("/a", {"Accept": "x"})
    call.code = admission(TABLE)
    assert (call.run(), call.marked) == ("on", as_left(TABLE))
    for request_, _ in UNADMITTED.values():
        refused = repeat(request_)
        refused.run()
        assert refused.marked is None


@pytest.mark.parametrize("token", [READ, EXPIRED])
@pytest.mark.parametrize("forward", [False, True])
def test_a_token_goes_upstream_only_where_the_table_says_so(
    token: str, forward: bool
) -> None:
    """This also holds on a public path, where an invalid token is no reason for denial."""
    table = table_with(forward_token=forward)
    call = gate_call(token, table, path="/orders/health")
    call.admitted = as_left(table)
    assert call.run() == "on"
    assert ("Authorization" in call.cleared) != forward
    # A run that turns it on, or off, and has come half of its way.
    between = gate_call(token, table, path="/orders/health")
    between.admitted = as_left(TABLE)
    assert between.run() == "on"
    assert "Authorization" in between.cleared
    # The same, where admission has come further than the gate.
    behind = gate_call(token, TABLE, path="/orders/health")
    behind.admitted = as_left(table)
    assert behind.run() == "on"
    assert "Authorization" in behind.cleared
    other = gate_call(
        None,
        table,
        path="/orders/health",
        **{"ngx.req.get_headers": {"authorization": "Basic YTpi"}},
    )
    assert other.run() == "on"
    assert "Authorization" not in other.cleared


UNADMITTED = {
    "unreadable": (admitted("/a/..%2fb", {}), 400),
    "absolute": (admitted("http://other/a", {}), 400),
    "two tokens": (
        admitted(
            "/a", {"Authorization": [f"Bearer {READ}", f"Bearer {OTHER}"]}
        ),
        401,
    ),
    "no token": (admitted("/a", {"authorization": "Bearer x"}), 401),
    "another kid": (
        admitted(
            "/a",
            {
                "authorization": f"Bearer {ISSUER.faults([], ISSUER)['kid in the payload']}"
            },
        ),
        401,
    ),
}


@pytest.mark.parametrize(
    ("request_", "status"), UNADMITTED.values(), ids=UNADMITTED
)
def test_no_failing_call_lets_admission_pass(
    request_: Lua, status: int
) -> None:
    """A denied request stays denied. An exception is a call that reports no header: then nothing is
    wrong."""
    assert (repeat(request_).run(), status) == ("exit", status)
    for name in [*CALLS["admission"], "kong.log.err"]:
        for wrong in WRONG:
            if (name, wrong) != ("ngx.req.get_headers", {}):
                expected = (
                    ("exit", "error")
                    if not _another_request(name, wrong)
                    else ("exit", "error", "on")
                )
                assert (
                    repeat(request_, fault=(name, wrong)).run() in expected
                ), (
                    name,
                    wrong,
                )
    for does in (LuaApiError("injected"), "came back"):
        assert (
            repeat(request_, fault=("kong.response.exit", does)).run()
            == "error"
        )


def _another_request(name: str, wrong: Any) -> bool:
    """Whether the fault is an answer of the right kind: headers that are none."""
    return name == "ngx.req.get_headers" and isinstance(wrong, dict | list)


def _without(value: Any) -> Iterator[Any]:
    """The JSON value with each key of each object taken away in turn."""
    if isinstance(value, dict):
        for key in value:
            yield {name: item for name, item in value.items() if name != key}
            for changed in _without(value[key]):
                yield {**value, key: changed}
    if isinstance(value, list):
        for position, item in enumerate(value):
            for changed in _without(item):
                yield [*value[:position], changed, *value[position + 1 :]]


def _other_kinds(value: Any) -> Iterator[Any]:
    """Yield the JSON value with each inner value replaced in turn by values of other types."""
    for other in (None, 7, "x", [], {}, True):
        if type(other) is not type(value):
            yield other
    if isinstance(value, dict):
        for key, item in value.items():
            for changed in _other_kinds(item):
                yield {**value, key: changed}
    if isinstance(value, list):
        for position, item in enumerate(value):
            for changed in _other_kinds(item):
                yield [*value[:position], changed, *value[position + 1 :]]


UNDER_ANY_TABLE = (
    "nobody",
    "expired",
    "no audience",
    "unreadable",
    "another host",
    "another ring",
)
"""Requests that no part of a table lets in: the others only lack what another table could give."""


@pytest.mark.parametrize(
    ("spoilt", "count"), [(_without, 40), (_other_kinds, 200)]
)
@pytest.mark.parametrize("name", deep_after(2, UNDER_ANY_TABLE))
def test_no_piece_of_the_table_that_is_missing_or_of_another_kind_opens_the_gate(
    name: str, spoilt: Callable[[Any], Iterable[Any]], count: int
) -> None:
    """Every key of every object in it, and every value, one at a time."""
    tables = [json.dumps(changed) for changed in spoilt(json.loads(TABLE))]
    assert len(tables) > count
    for changed in tables:
        call = repeat(
            REFUSED[name][0], code=gate(changed), admitted=as_left(changed)
        )
        assert call.run() in ("exit", "error") and call.target is None, changed


@pytest.mark.parametrize(
    "piece",
    [
        key
        for key in json.loads(TABLE)
        if key not in ("version", "callers", "logical", "addresses")
    ],
)
def test_a_table_without_one_of_its_pieces_is_refused_whole(piece: str) -> None:
    """Also for a caller who has the scope: 500, until the table is right again."""
    pieces = json.loads(TABLE)
    del pieces[piece]
    call = gate_call(READ, json.dumps(pieces))
    assert call.denied() == 500


@pytest.mark.parametrize("piece", json.loads(TABLE)["spelling"])
def test_a_table_that_cannot_spell_a_token_is_refused_whole(piece: str) -> None:
    """Otherwise an unnamed claim would count as a missing claim."""
    spelling = json.loads(TABLE)["spelling"]
    del spelling[piece]
    call = gate_call(READ, table_with(spelling=spelling))
    assert call.denied() == 500


@pytest.mark.parametrize(
    ("granted", "expected"),
    [(["read", "write"], "read write"), (["read"], "read"), ([], None)],
)
def test_a_user_has_no_scope_through_a_client_that_was_not_granted_it(
    granted: list[str], expected: str | None
) -> None:
    """Whatever the roles of their groups hold."""
    table = table_with(on_behalf={"c": granted})
    call = gate_call(
        ISSUER.user(["read", "write"], ["desk"]), table, path="/orders/health"
    )
    assert call.run() == "on"
    assert call.upstream_headers.get("X-Auth-Scopes") == expected


@pytest.mark.parametrize(
    ("claims", "outcome"),
    [
        ({}, ("on", None)),
        ({"ver": None}, ("exit", 401)),
        ({"ver": "1.0"}, ("exit", 401)),
        ({"jti": "ID.1"}, ("exit", 401)),
        ({"more": True}, ("exit", 401)),
        ({"hasgroups": True}, ("exit", 401)),
    ],
)
def test_every_mark_of_an_access_token_is_needed_and_no_claim_of_overage(
    claims: JsonObject, outcome: tuple[str, int | None]
) -> None:
    """Not the first of them alone."""
    marks = [
        {"claim": "jti", "value": "AT.", "prefix": True},
        {"claim": "ver", "value": "2.0", "prefix": False},
    ]
    spelling = {
        **json.loads(TABLE)["spelling"],
        "marks": marks,
        "overage": ["more", "hasgroups"],
    }
    call = gate_call(
        ISSUER.token(["read"], **{"ver": "2.0", **claims}),
        table_with(spelling=spelling),
    )
    assert (call.run(), call.status) == outcome


@pytest.mark.parametrize(
    ("scopes", "status"),
    [
        ([], 403),
        (["read"], 403),
        (["write"], 403),
        (["read", "write"], None),
        (["a.b"], None),
    ],
)
def test_an_alternative_needs_all_its_scopes_and_any_alternative_is_enough(
    scopes: list[str], status: int | None
) -> None:
    table = table_with(rules={"/orders": {"GET": [["read", "write"], ["a.b"]]}})
    call = gate_call(ISSUER.service(scopes), table)
    call.run()
    assert call.status == status


@pytest.mark.parametrize(
    "scopes",
    [
        [{}],
        [{"read": True}],
        [None],
        [7],
        ["read"],
        [[7]],
        [[None]],
        {},
        "read",
        None,
        7,
        True,
    ],
)
def test_a_rule_that_is_no_list_of_scopes_opens_nothing(scopes: Any) -> None:
    """An object where a list should be must not read as a rule that needs no scope."""
    call = gate_call(OTHER, table_with(rules={"/orders": {"GET": scopes}}))
    assert call.run() == "exit"
    assert call.status in (403, 500)


@pytest.mark.parametrize(
    "version", [None, 0, 1, 2, 3, 5, "4", 4.5, True, [4], {"4": 4}]
)
def test_a_table_of_another_version_is_refused_whole(version: Any) -> None:
    """The script and the table are made by one program, but Kong keeps them as one text only by convention."""
    call = gate_call(READ, table_with(version=version))
    assert call.denied() == 500


def test_a_table_that_was_cut_off_anywhere_is_refused_whole() -> None:
    """At every length but the full one, and with anything behind it."""
    whole = embedded(TABLE)
    for length in range(len("[==["), len(whole) - len("]==]"), 7):
        call = gate_call(READ)
        call.code = call.code.replace(whole, whole[:length] + "]==]")
        assert call.denied() == 500, length
    for text in (
        TABLE + "}",
        TABLE + " 1",
        "[" + TABLE + "]",
        "null",
        '"x"',
        "[]",
        "{}",
        "\xff",
        "[" * 100_000,
    ):
        call = gate_call(READ, text)
        assert call.denied() == 500


def test_a_table_that_is_no_text_is_refused_whole() -> None:
    """Whatever stands in its place in the script."""
    for instead in ("nil", "7", "{}", "function() end", "true"):
        call = gate_call(READ)
        call.code = f"local TABLE = {instead}\n" + call.code.split("]==]", 1)[1]
        assert call.denied() == 500
