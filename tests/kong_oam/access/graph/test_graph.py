"""The graph of an estate, its parts, and the graph of a change."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kong_oam.access.diff.change import (
    AffectedCaller,
    Answer,
    Change,
    Difference,
    Example,
    Setting,
    Subject,
)
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.snapshot import dump_model, load_model
from kong_oam.access.graph.build import graph_of
from kong_oam.access.graph.compare import change_notes, graph_of_change
from kong_oam.access.graph.graph import Graph, Node
from kong_oam.access.graph.view import of_application, of_changes, of_principal
from kong_oam.access.request_classes import Region, Subtree
from tests.support.diffs import API, SHOP, edited, model, settings
from tests.support.estates import api, estate

BEFORE = model(API, SHOP)

VIEWER, EDITOR = "role:orders/api:viewer", "role:orders/api:editor"
READ, WRITE, ORDERS = (
    "scope:orders/api:read",
    "scope:orders/api:write",
    "component:orders/api",
)


def lines(graph: Graph) -> set[tuple[str, str, str]]:
    """Return source, target and items of each edge, or the reason for an edge without effect, with
    its sign."""
    signs = {None: "", "added": "+", "removed": "-"}
    return {
        (
            edge.source,
            edge.target,
            signs[edge.change]
            + (", ".join(edge.items) or " ".join(edge.label)),
        )
        for edge in graph.edges
    }


def changes(*texts: str) -> Graph:
    return of_changes(graph_of_change(BEFORE, model(*texts), ""))


def changed(graph: Graph) -> set[tuple[str, str, str]]:
    return {line for line in lines(graph) if line[2].startswith(("+", "-"))}


def test_roles_and_their_scopes_are_drawn() -> None:
    """A rule with two scopes names the other scope at each; the public node precedes its component."""
    assert lines(graph_of(estate(API, SHOP))) == {
        ("group:sales", VIEWER, "read"),
        ("group:desk", EDITOR, "write"),
        ("client:shop/checkout", VIEWER, "read"),
        ("client:shop/web", VIEWER, "read"),
        ("client:shop/web", EDITOR, "write"),
        (VIEWER, READ, "read"),
        (EDITOR, WRITE, "write"),
        (READ, ORDERS, "GET /orders, HEAD /orders, POST /orders with write"),
        (WRITE, ORDERS, "POST /orders with read"),
        (
            "public:orders/api:anybody",
            ORDERS,
            "GET /orders/health, HEAD /orders/health",
        ),
        (
            "public:shop/web:anybody",
            "component:shop/web",
            "GET /, HEAD /, POST /, PUT /, PATCH /, DELETE /, OPTIONS /",
        ),
    }


def test_a_line_on_which_less_passes_says_so() -> None:
    """Examples: a client that requests less, a group that no client signs in, and a scope that no
    rule requires."""
    graph = graph_of(
        estate(
            edited(
                API,
                ("scopes: {read: Read,", "scopes: {more: More, read: Read,"),
                ("scopes: [write], groups: [desk]", "scopes: [write, more], groups: [desk]"),
                ("components: [shop/checkout, shop/web]}", "components: [shop/checkout, shop/web]}\n              idle: {scopes: [more], groups: [idlers], components: [shop/web]}"),
            ),
            SHOP,
        )
    )  # fmt: skip
    labels = {(edge.source, edge.target): edge.label for edge in graph.edges}
    assert (
        labels["client:shop/web", EDITOR]
        == labels["group:desk", EDITOR]
        == ("only write",)
    )
    assert labels["group:idlers", "role:orders/api:idle"] == (
        "no client asks for it",
    )
    assert labels["client:shop/web", "role:orders/api:idle"] == (
        "asks for none of it",
    )
    assert labels["scope:orders/api:more", ORDERS] == ("no rule requires it",)
    for part in (graph, of_application(graph, "orders")):
        assert {(e.source, e.target) for e in part.edges if e.idle} == {
            ("group:idlers", "role:orders/api:idle"),
            ("client:shop/web", "role:orders/api:idle"),
            ("scope:orders/api:more", ORDERS),
        }


# Parts


def test_the_part_of_an_application_has_callers_and_calls() -> None:
    """The part has its callers and its calls, with the groups of its users, but not other callers
    of the called components."""
    graph = graph_of(estate(API_WITH_FLEET, SHOP, FLEET))
    of_shop = lines(of_application(graph, "shop"))
    assert ("client:fleet/bot", "role:orders/api:both", "read") in lines(
        of_application(graph, "orders")
    )
    assert not any("fleet" in end for line in of_shop for end in line)
    assert ("group:sales", VIEWER, "read") in of_shop
    assert ("public:shop/web:anybody", "component:shop/web", "GET /, HEAD /, POST /, PUT /, PATCH /, DELETE /, OPTIONS /") in of_shop  # fmt: skip
    assert (
        "public:orders/api:anybody",
        ORDERS,
        "GET /orders/health, HEAD /orders/health",
    ) not in of_shop


FLEET = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: fleet, namespace: fleet}
spec:
  components:
    - name: bot
      type: worker
      properties: {image: bot}
      traits:
        - {type: client, properties: {kind: service, calls: [{component: orders/api, scopes: [read]}]}}
"""
BOTH = "\n              both: {scopes: [read, write], components: [fleet/bot, shop/web]}"
API_WITH_FLEET = edited(
    API,
    (
        "[desk], components: [shop/web]}",
        f"[desk], components: [shop/web]}}{BOTH}",
    ),
)
"""The role has two scopes, and the bot requests one of them."""


def principal(graph: Graph, id_: str) -> set[tuple[str, str, str]]:
    return lines(of_principal(graph, [graph.by_id[id_]]))


def test_the_part_of_a_principal_has_its_reach() -> None:
    """A service has only its scopes; a group has its clients, and such a client has its groups.
    Other roles of the client are left out if a role of the group gives the scope too."""
    graph = graph_of(estate(API_WITH_FLEET, SHOP, FLEET))
    read = (READ, ORDERS, "GET /orders, HEAD /orders, POST /orders with write")
    assert principal(graph, "client:fleet/bot") == {
        ("client:fleet/bot", "role:orders/api:both", "read"),
        ("role:orders/api:both", READ, "read"),
        read,
    }
    assert principal(graph, "group:sales") == {
        ("group:sales", VIEWER, "read"),
        ("client:shop/web", VIEWER, "read"),
        (VIEWER, READ, "read"),
        read,
    }
    assert {line[0] for line in principal(graph, "client:shop/web")} >= {
        "group:sales",
        "group:desk",
        "client:shop/web",
    }
    assert not any(
        "fleet" in line[0] for line in principal(graph, "client:shop/web")
    )


def test_a_group_reaches_rules_for_any_token() -> None:
    """The group reaches them through the clients that sign its users in."""
    graph = graph_of(
        estate(
            API, SHOP, api("hello", domain="hello.example.com", http="{/: 80}")
        )
    )
    reached = principal(graph, "group:sales")
    assert (
        "client:shop/web",
        "token:any token of main",
        "users in desk, users in sales",
    ) in reached
    assert any(target == "component:hello/api" for _, target, _ in reached)
    assert not any(source == "client:shop/checkout" for source, _, _ in reached)


# Graphs of a change


def test_nothing_is_drawn_where_nothing_changed() -> None:
    """A note says so; this includes an exported model, which has no role names and no holders."""
    for old in (BEFORE, load_model(dump_model(BEFORE))):
        graph = of_changes(graph_of_change(old, model(API, SHOP), ""))
        assert (graph.nodes, graph.edges) == ((), ())
    assert change_notes((), "https") == (
        "Every request gets the same answer as before (no change in diff).",
    )


def test_a_group_more_in_a_role_is_drawn_with_all_that_it_gets() -> None:
    """The part has the path to the component and the client that signs the group in, and nothing
    else."""
    graph = changes(
        edited(API, ("groups: [sales]", "groups: [sales, support]")), SHOP
    )
    assert lines(graph) == {
        ("group:support", VIEWER, "+read"),
        ("client:shop/web", VIEWER, "read"),
        (VIEWER, READ, "read"),
        (READ, ORDERS, "GET /orders, HEAD /orders, POST /orders with write"),
    }
    assert {node.id for node in graph.nodes if node.change == "added"} == {
        "group:support"
    }


def test_a_call_less_is_taken_away() -> None:
    """The scopes that the role still grants are unchanged."""
    graph = changes(
        API,
        edited(
            SHOP,
            ("calls: [{component: orders/api, scopes: [read]}]", "calls: []"),
        ),
    )
    assert changed(graph) == {("client:shop/checkout", VIEWER, "-read")}
    assert not [node for node in graph.nodes if node.change]


def test_one_request_more_and_one_less_are_two_lines_beside_what_stays() -> (
    None
):
    """Each method has a line; the holder of the scope is drawn too."""
    graph = changes(
        edited(
            API,
            (
                "methods: [GET], scopes: [read]",
                "methods: [HEAD, PATCH], scopes: [read]",
            ),
        ),
        SHOP,
    )
    assert changed(graph) == {
        (READ, ORDERS, "+PATCH /orders"),
        (READ, ORDERS, "-GET /orders"),
    }
    assert (READ, ORDERS, "HEAD /orders, POST /orders with write") not in lines(
        graph
    )
    assert {"group:sales", "client:shop/checkout", "client:shop/web"} <= {
        node.id for node in graph.nodes
    }


def test_a_newly_public_request_is_added_without_a_role() -> None:
    """The request needs no role."""
    orders = edited(
        API, ("methods: [GET], public", "methods: [GET, POST], public")
    )
    assert lines(changes(orders, SHOP)) == {
        ("public:orders/api:anybody", ORDERS, "+POST /orders/health")
    }


def test_a_role_under_another_name_is_drawn_and_diff_says_that_it_changes_nothing() -> (
    None
):
    """The graph shows roles, and the notes below it show access."""
    new = model(edited(API, ("viewer:", "reader:")), SHOP)
    assert {
        node.id: node.change
        for node in of_changes(graph_of_change(BEFORE, new, "")).nodes
        if node.change
    } == {
        VIEWER: "removed",
        "role:orders/api:reader": "added",
    }
    assert diff(BEFORE, new) == ()


def test_a_setting_is_no_line_of_the_picture() -> None:
    on = settings(
        providers=[{"name": "okta", "type": "okta", "accessTokenMinutes": 120}]
    )
    new = model(API, SHOP, on=on)
    assert diff(BEFORE, new) != ()
    assert of_changes(graph_of_change(BEFORE, new, "")).edges == ()


NEWLY_PUBLIC = Change(
    "newly public",
    callers=(AffectedCaller(None),),
    methods=("POST",),
    site="orders.example.com",
    region=Region(Subtree(("orders",))),
    example=Example("POST", ("orders",), None, None, None),
)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (NEWLY_PUBLIC, "+ newly public: everybody: POST https://orders.example.com/orders"),
        (
            replace(NEWLY_PUBLIC, kind="revoked"),
            "\N{MINUS SIGN} revoked: everybody: POST https://orders.example.com/orders",
        ),
        (
            replace(NEWLY_PUBLIC, kind="answered by", answers=(Answer("orders/api", "8080"), Answer("evil/api", "80"))),
            "· now answered by evil/api: everybody: POST https://orders.example.com/orders: orders/api:8080 -> evil/api:80",
        ),
        (
            Setting("may widen", Subject(provider="okta"), "accessTokenMinutes", 60, 120),
            "+ may widen: clients of okta: identityProviders.okta.accessTokenMinutes: 60 -> 120",
        ),
    ],
    ids=["opens", "closes", "another answer", "setting"],
)  # fmt: skip
def test_a_line_below_the_picture_says_each_change(
    change: Difference, line: str
) -> None:
    """The line begins with a sign for opening or closing."""
    assert change_notes((change,), "https") == (
        "The same change in diff:",
        line,
    )


@given(
    st.lists(
        st.text(alphabet="a _-", min_size=1, max_size=3),
        unique=True,
        min_size=2,
        max_size=6,
    ),
    st.data(),
)
def test_a_name_in_a_file_is_no_other_node_s_name(
    names: list[str], data: st.DataObject
) -> None:
    """The order of Applications does not matter."""
    nodes = [Node("group", name) for name in names]
    slugs = Graph("", tuple(nodes), ()).slugs
    assert len({*slugs.values()}) == len(nodes) == len(slugs)
    assert (
        slugs == Graph("", tuple(data.draw(st.permutations(nodes))), ()).slugs
    )
