"""Hosts and paths that other routes of the same Kong have: a run names them where somebody would get others' calls."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kong_oam.access.model import Estate
from kong_oam.access.partitions import part_of
from kong_oam.access.paths import unwritten
from kong_oam.diagnostics import Diagnostic
from kong_oam.engine.state import ROUTE, Resource
from kong_oam.kong import names
from kong_oam.kong.account import Account
from kong_oam.kong.admin import AdminApi
from kong_oam.kong.host_conflicts import host_conflicts
from kong_oam.kong.routes import routes
from kong_oam.verify.questions import Call
from kong_oam.verify.router import Router
from tests.support.estates import STACK, exposing
from tests.support.json_object import JsonObject
from tests.support.mcp_estates import HOST, desk_estate

Row = JsonObject
OTHER_PATH = ("              - {paths: [/other], methods: [POST], scopes: [tickets.use]}\n", "")  # fmt: skip
Endpoints = frozenset[tuple[str, str]]

HOSTS = ("a.x.com", "b.x.com", "*.x.com", "c.a.x.com", "*.a.x.com")
PATHS = ("/", "/a", "/a/b", "/ab")
CALLS = [
    Call("https", "GET", host, unwritten(path))
    for host, path in itertools.product(
        ("a.x.com", "b.x.com", "d.x.com", "c.a.x.com", "e.a.x.com"),
        ("/", "/a", "/a/b", "/a/b/c", "/a/c", "/ab", "/d"),
    )
]


def _estate(
    endpoints: Iterable[tuple[str, str]], stack: str = "tests"
) -> Estate:
    """One component that is exposed there."""
    return exposing(*endpoints, stack=stack)


def _rows(made: Estate) -> list[Row]:
    """The routes that Kong has of the estate."""
    stack = made.stack.name
    return [
        {
            "id": names.route(stack, component, plan.backend, plan.role),
            "name": names.route(stack, component, plan.backend, plan.role),
            "hosts": list(plan.hosts),
            "paths": plan.kong_paths,
            "regex_priority": plan.priority,
            "methods": ["GET"],
            "protocols": ["http"],
            "tags": names.tags(stack, component),
        }
        for component in made.exposed
        for plan in routes(component)
    ]


def _conflicts(
    made: Estate,
    rows: list[Row],
    *before: Resource,
    adopts: bool = False,
    flavor: str = "traditional_compatible",
) -> list[Diagnostic]:
    answer = {
        "data": rows,
        "offset": None,
        "configuration": {"router_flavor": flavor},
    }
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))
    with AdminApi(Account("http://kong.test"), transport) as admin:
        return list(host_conflicts(admin, made, before, adopts=adopts))


def _foreign(host: str, path: str, **fields: Any) -> Row:
    usual = {"id": "f", "name": "legacy", "protocols": ["http"], "tags": None}
    return {**usual, "hosts": [host], "paths": [path], **fields}


def _loses_calls(ours: list[Row], theirs: list[Row]) -> bool:
    """Return whether a call of our routes may go elsewhere once the other routes exist."""
    alone, together = Router(ours), Router([*ours, *theirs])
    answers = ((alone.reached(call), together.reached(call)) for call in CALLS)
    return any(
        before and [row.route for row in before] != [row.route for row in after]
        for before, after in answers
    )


def test_another_stack_on_the_same_host_and_path_is_named() -> None:
    """With the place of the endpoint, the other stack's name, and the way out."""
    (found,) = _conflicts(
        _estate([("a.x.com", "/a")]),
        _rows(_estate([("a.x.com", "/a")], "prod")),
    )
    assert str(found).splitlines()[0] == (
        "app1.yaml:10:76: error ENV420: a.x.com/a conflicts with a.x.com/a of Kong's route "
        "'kong-oam.prod.shop.api.80.protected-1' of stack 'prod'. Either could get the other's calls; use another "
        "host or path, or deploy both from one stack"
    )


def test_another_stack_on_the_path_of_a_document_is_named() -> None:
    """The gateway would answer its calls with the document about an MCP endpoint."""
    made = desk_estate(("http: {/: 8000}", "http: {/mcp: 8000}"), OTHER_PATH)
    for path, is_named in (("/.well-known", True), ("/known", False)):
        others = _rows(_estate([(HOST, path)], "prod"))
        found = [each.message for each in _conflicts(made, others)]
        assert len(found) == is_named
    others = _rows(replace(made, stack=replace(made.stack, name="prod")))
    (message,) = (
        each.message
        for each in _conflicts(_estate([(HOST, "/.well-known")]), others)
    )
    assert "route 'kong-oam.prod.desk.mcp.8000.discovery'" in message


def test_a_route_outside_any_stack_on_the_same_host_and_path_is_named() -> None:
    """Whoever made it has to remove it: a stack touches nothing of others."""
    (found,) = _conflicts(
        _estate([("a.x.com", "/a")]),
        [_foreign("A.x.com:8443", "/a/", tags=["theirs"])],
    )
    assert found.message == (
        "a.x.com/a conflicts with a.x.com/a/ of Kong's route 'legacy' of no stack (its tags are 'theirs'). "
        "Either could get the other's calls; use another host or path, or ask the owner of that route to remove it"
    )


@pytest.mark.parametrize(
    ("host", "path", "is_named"),
    [
        ("a.x.com", "/a/b", True),
        ("a.x.com", "~/a/\\d+", True),
        ("a.x.com", "~/.*", True),
        ("*.x.com", "~/.*", False),
        ("a.x.com", "/", False),
        ("a.x.com", "/b", False),
        ("a.x.com", "/ab", False),
        ("b.x.com", "/a", False),
        ("*.x.com", "/a", False),
        ("a.*", "/a", False),
    ],
)
def test_a_route_outside_any_stack_may_get_only_what_is_left(
    host: str, path: str, is_named: bool
) -> None:
    """A plain path above ours, or a host with a wildcard, gets what no route of ours takes; a regular expression may
    get more. So Applications can take over a site path by path."""
    assert (
        bool(_conflicts(_estate([("a.x.com", "/a")]), [_foreign(host, path)]))
        is is_named
    )


def test_among_wildcards_a_regular_expression_may_win_by_its_priority() -> None:
    """Kong then goes by that number, and not by how near the wildcard is."""
    theirs = _foreign("*.x.com", "~/.*", regex_priority=900, methods=["GET"])
    made = _estate([("*.a.x.com", "/a")])
    assert (
        _loses_calls(_rows(made), [theirs])
        and len(_conflicts(made, [theirs])) == 1
    )


@pytest.mark.parametrize(
    "conditions",
    [
        {"headers": {"x": ["1"]}},
        {"snis": ["a.x.com"]},
        {"headers": {"x": ["1"]}, "snis": ["a.x.com"], "hosts": None},
    ],
)
def test_a_route_with_more_conditions_wins_over_ours_whatever_its_path(
    conditions: Row,
) -> None:
    """Kong tries a route with four kinds of conditions before all others."""
    made, theirs = (
        _estate([("a.x.com", "/a")]),
        _foreign("*.x.com", "/", methods=["GET"]) | conditions,
    )
    assert (
        _loses_calls(_rows(made), [theirs])
        and len(_conflicts(made, [theirs])) == 1
    )


def test_another_route_without_hosts_is_in_nobodys_way() -> None:
    """Kong tries routes with plain hosts before it."""
    made, theirs = (
        _estate([("a.x.com", "/a")]),
        _foreign("", "/a", headers={"x": ["1"]}) | {"hosts": None},
    )
    assert (
        not _loses_calls(_rows(made), [theirs])
        and _conflicts(made, [theirs]) == []
    )


def test_all_collisions_are_named_at_once() -> None:
    """One line for each endpoint and whose routes it meets; of several routes the first, and how many more."""
    theirs = _rows(
        _estate(
            [("a.x.com", "/a"), ("a.x.com", "/a/b"), ("b.x.com", "/")], "prod"
        )
    )
    found = _conflicts(
        _estate([("a.x.com", "/a"), ("b.x.com", "/b")]),
        [*theirs, _foreign("b.x.com", "/b")],
    )
    assert [
        (
            conflict.message.partition(" of Kong")[0],
            "of stack 'prod'" in conflict.message,
        )
        for conflict in found
    ] == [
        ("a.x.com/a conflicts with a.x.com/a", True),
        ("b.x.com/b conflicts with b.x.com/", True),
        ("b.x.com/b conflicts with b.x.com/b", False),
    ]
    assert "and 1 more, of stack 'prod'" in found[0].message


def test_routes_of_other_partitions_are_no_concern() -> None:
    """The Applications of an estate are compiled together, which finds whatever collides."""
    stack = replace(STACK, partitions={"shops": ("*",)})
    made = _estate([("a.x.com", "/a")])
    part = part_of(replace(made, stack=stack), "shops")
    assert (
        _conflicts(
            part,
            [
                _foreign(
                    "a.x.com",
                    "/a",
                    tags=[*names.tags("tests"), names.partition_tag("other")],
                )
            ],
        )
        == []
    )


def test_nothing_is_asked_where_no_route_is_new() -> None:
    """A route that gets another path is; a stack that was deployed beside another route goes on with other changes."""
    made = _estate([("a.x.com", "/a")])
    (component,) = made.exposed
    (plan,) = routes(component)
    logical = f"{component.key}-{plan.role}-{plan.backend}"
    rows = _rows(_estate([("a.x.com", "/a")], "prod"))
    same = Resource(
        ROUTE, logical, {"hosts": ["a.x.com"], "paths": plan.kong_paths}
    )
    assert _conflicts(made, rows, same) == []
    other = Resource(ROUTE, logical, {"hosts": ["a.x.com"], "paths": ["~/"]})
    assert len(_conflicts(made, rows, other)) == 1


ENDPOINTS = st.frozensets(
    st.tuples(st.sampled_from(HOSTS), st.sampled_from(PATHS)),
    min_size=1,
    max_size=3,
)


@given(ENDPOINTS, ENDPOINTS)
def test_two_stacks_collide_where_one_loses_calls_and_only_there(
    ours: Endpoints, theirs: Endpoints
) -> None:
    """As the router of `verify` has it, which is held to recorded answers of Kong."""
    first, second = _estate(ours), _estate(theirs, "prod")
    loses = _loses_calls(_rows(first), _rows(second)) or _loses_calls(
        _rows(second), _rows(first)
    )
    assert bool(_conflicts(first, _rows(second))) is loses


@given(
    ENDPOINTS,
    st.builds(
        _foreign,
        st.sampled_from((*HOSTS, "a.*", "A.X.com:1")),
        st.sampled_from(
            (*PATHS, "/a/", "~/", "~/a", "~/a/.*", "~/[a-z]+", "~/.*/b$")
        ),
        regex_priority=st.sampled_from((0, 3, 900)),
        methods=st.sampled_from((None, ["GET"])),
        headers=st.sampled_from((None, {"x": ["1"]})),
        snis=st.sampled_from((None, ["a.x.com"])),
    ),
    st.booleans(),
)
def test_no_route_outside_any_stack_takes_calls_unnamed(
    ours: Endpoints, theirs: Row, everywhere: bool
) -> None:
    """Whatever its regular expressions, their priority and its other conditions, with hosts and without."""
    made = _estate(ours)
    theirs = theirs | {"hosts": None} if everywhere else theirs
    if _loses_calls(_rows(made), [theirs]):
        assert _conflicts(made, [theirs])


@pytest.mark.parametrize(
    "theirs",
    [
        _foreign("a.x.com", "/a"),
        _foreign("a.x.com", "/a/b"),
        _foreign("a.x.com", "~/a/[0-9]+$", regex_priority=1, methods=["GET"]),
        _foreign("*.x.com", "~/.*", regex_priority=900, methods=["GET"]),
        _foreign("", "/a", headers={"x": ["1"]}) | {"hosts": None},
        _foreign("a.x.com", "/", headers={"x": ["1"]}),
        _foreign("a.x.com", "/", headers={"x": ["1"]}, methods=["PROPFIND"]),
    ],
)
def test_an_adopted_route_that_loses_to_ours_stays(theirs: Row) -> None:
    made = _estate([("a.x.com", "/a")])
    assert not _loses_calls(_rows(made), [theirs])
    assert _conflicts(made, [theirs], adopts=True) == []


@pytest.mark.parametrize(
    "theirs",
    [
        _foreign("a.x.com", "~/a", regex_priority=900, methods=["GET"]),
        _foreign("a.x.com", "~/a/.*", regex_priority=2, methods=["GET"]),
        _foreign("a.x.com", "/", headers={"x": ["1"]}, methods=["GET"]),
        _foreign("a.x.com", "/a", snis=["a.x.com"], methods=["GET"]),
        _foreign("", "~/a", regex_priority=4096) | {"hosts": None},
    ],
)
def test_an_adopted_route_that_may_win_over_ours_stops_a_run(
    theirs: Row,
) -> None:
    """By a higher or an equal priority, or by four kinds of conditions. Bit 12 of a priority wins
    over plain hosts."""
    made = _estate([("a.x.com", "/a")])
    assert _loses_calls(_rows(made), [theirs])
    (found,) = _conflicts(made, [theirs], adopts=True)
    assert str(found).splitlines()[0] == (
        "app1.yaml:10:76: error ENV426: Kong may try route 'legacy' of no stack before ours for a.x.com/a, so calls "
        "could pass around the gate. Remove that route, or its headers, SNIs, regex_priority or narrower host"
    )


def test_a_plain_host_of_an_adopted_route_wins_over_our_wildcard() -> None:
    made = _estate([("*.x.com", "/")])
    (found,) = _conflicts(made, [_foreign("a.x.com", "/a")], adopts=True)
    assert found.code == "ENV426"


def test_another_stack_conflicts_in_an_adopted_kong_too() -> None:
    theirs = _rows(_estate([("a.x.com", "/a")], "prod"))
    (found,) = _conflicts(_estate([("a.x.com", "/a")]), theirs, adopts=True)
    assert found.code == "ENV420"


def test_no_kong_with_another_router_is_adopted() -> None:
    """Its order of routes is unknown."""
    (found,) = _conflicts(
        _estate([("a.x.com", "/a")]), [], adopts=True, flavor="traditional"
    )
    assert found.code == "ENV426"
    assert "router_flavor is 'traditional'" in found.message


OLDER = st.builds(
    _foreign,
    st.sampled_from((*HOSTS, "a.*", "A.X.com:1")),
    st.sampled_from(
        (*PATHS, "/a/", "~/", "~/a", "~/a/.*", "~/[a-z]+", "~/.*/b$")
    ),
    regex_priority=st.sampled_from((0, 2, 3, 6, 900, 1023, 1024, 4096)),
    methods=st.sampled_from((None, ["GET"], ["GET", "PROPFIND"])),
    headers=st.sampled_from((None, {"x": ["1"]}, {"x": ["1"], "y": ["2"]})),
    snis=st.sampled_from((None, ["a.x.com"])),
)


@given(ENDPOINTS, OLDER, st.booleans())
def test_an_adopted_route_never_takes_our_calls_unnamed(
    ours: Endpoints, theirs: Row, everywhere: bool
) -> None:
    made = _estate(ours)
    theirs = theirs | {"hosts": None} if everywhere else theirs
    if _loses_calls(_rows(made), [theirs]):
        assert _conflicts(made, [theirs], adopts=True)


@given(ENDPOINTS, OLDER)
def test_adoption_accepts_only_more(ours: Endpoints, theirs: Row) -> None:
    made = _estate(ours)
    if _conflicts(made, [theirs], adopts=True):
        assert _conflicts(made, [theirs])
