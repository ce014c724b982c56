"""Compare an old Kong with Applications: each kind of difference, and no row without one."""

from __future__ import annotations

import json

import pytest

from kong_oam.access.networks import network
from kong_oam.adopt.compare import Comparison, compare
from kong_oam.adopt.lost_networks import admits_more
from kong_oam.adopt.request_log import count_requests
from tests.support.adopted_kongs import adopted, new_side, read_old
from tests.support.estates import api, estate
from tests.support.old_credentials import ACME, ORDERS
from tests.support.old_kongs import old_kong

HOST = "orders.example.com"
OPEN = "{owner: x, rules: [{paths: [/orders], methods: [GET], public: {reason: x, until: 2099-01-01}}]}"
CLOSED = "{owner: x, scopes: {orders.read: x}, rules: [{paths: [/orders], methods: [GET], scopes: [orders.read]}]}"
# The Service of our component, with the caller's Host and path.
SAME = "url: 'http://api.orders.svc.cluster.local:8080'"
ROUTE = f"{{name: r, hosts: [{HOST}], paths: [/orders], methods: [GET], strip_path: false, preserve_host: true}}"


def _compared(
    access: str,
    service: str = SAME,
    route: str = ROUTE,
    more: str = "",
    retired: bool = False,
) -> Comparison:
    old = old_kong(
        f"services: [{{name: s, {service}, routes: [{route}]}}]\n{more}"
    )
    return compare(old, estate(api(access=access)), is_alone=retired)


def _rows(comparison: Comparison) -> list[tuple[str, str, str, str, str]]:
    """Return kind, methods, paths, before and after of each row, without tokens without a key
    id."""
    rows = []
    for row in comparison.rows:
        change = row.change
        if change.callers == ("token without key id",):
            continue
        rows.append(
            (
                change.kind,
                " ".join(row.methods),
                " ".join(row.paths),
                change.before,
                change.after,
            )
        )
    return rows


HEAD = (
    "head",
    "HEAD",
    "/orders /orders/ /orders/*",
    "404, no route",
    "to orders/api",
)
TO_OLD = "to http://api.orders.svc.cluster.local:8080"
KEYS = (
    "plugins: [{name: key-auth, service: s}%s]\n"
    "consumers: [{username: acme, custom_id: c, keyauth_credentials: [{key: a}]}, {username: b, custom_id: d, keyauth_credentials: [{key: c}]}]"
)


def test_equal_sides_differ_by_head_only() -> None:
    """An open route became a public rule at the same address. A rule for GET includes HEAD."""
    assert _rows(_compared(OPEN)) == [HEAD]
    assert not _compared(OPEN).is_opened


def test_text_prefixes_stay_with_the_old_route_until_it_is_gone() -> None:
    """`/orders-old` is below the old route, and not below our path."""
    closed = ("closed", "GET", "/orders*", TO_OLD, "404 not-exposed")
    assert _rows(_compared(OPEN, retired=True)) == [closed, HEAD]


def test_a_path_in_capitals_is_closed_beside_a_longer_rule() -> None:
    """Kong compares bytes. Our gate denies a path that a workload may read as the longer path."""
    both = OPEN.replace("[/orders], methods", "[/orders, /orders/new], methods")
    assert both != OPEN
    rows = _rows(_compared(both))
    capitals = "/orders/NEW /orders/NEW/ /orders/NEW/*"
    assert ("closed", "GET", capitals, TO_OLD, "401 token-needed") in rows


def test_a_public_rule_where_a_key_was_needed_is_opened() -> None:
    """For nobody and for strangers; a holder of a key passes on both sides."""
    comparison = _compared(OPEN, more=KEYS % "")
    opened = next(row.change for row in comparison.rows if "GET" in row.methods)
    assert (opened.kind, opened.callers) == (
        "opened",
        ("nobody", "unknown token"),
    )
    assert (opened.before, opened.after) == ("401 by key-auth", "to orders/api")
    assert opened.position == "kong.yaml:2:80"
    assert comparison.is_opened


def test_an_unknown_answer_counts_as_denied_where_a_call_is_opened() -> None:
    """A custom plugin may deny the call."""
    rows = _rows(_compared(OPEN, more="plugins: [{name: custom}]"))
    assert rows[1] == (
        "opened", "GET", "/orders /orders/ /orders/*",
        f"unknown (plugin custom of everything (global) may answer the request), else {TO_OLD}", "to orders/api",
    )  # fmt: skip


def test_an_unknown_answer_counts_as_passed_where_a_call_is_closed() -> None:
    """If the known plugins deny the call, only the unknown part is listed."""
    passing = _rows(_compared(CLOSED, more="plugins: [{name: custom}]"))
    denied = _rows(
        _compared(CLOSED, more="plugins: [{name: custom}, {name: key-auth}]")
    )
    assert {row[0] for row in passing} == {"closed"}
    assert {row[0] for row in denied} == {"unknown"}


def test_a_lost_call_is_closed() -> None:
    """Our gate asks for a scope where everybody passed."""
    assert _rows(_compared(CLOSED)) == [
        ("closed", "GET", "/orders /orders/ /orders/*", TO_OLD, "401 token-needed"),
    ]  # fmt: skip


def test_tokens_without_a_key_id_need_a_workload_that_gets_tokens() -> None:
    """A service behind the Kong may have issued them. Our gate denies such headers, unless the
    workload asks for tokens."""
    asking = OPEN.replace("{owner: x,", "{owner: x, forwardToken: true,")
    assert asking != OPEN
    changes = [row.change.kind for row in _compared(asking).rows]
    assert "closed" not in changes
    rows = [row for row in _compared(OPEN).rows if row.change.kind == "closed"]
    assert [(row.methods, row.change.callers, row.change.after) for row in rows] == [
        (("GET",), ("token without key id",), "401 malformed-authorization"),
    ]  # fmt: skip


def test_another_address_is_another_service() -> None:
    """Another port counts, too. A short name in the cluster is the same Service. HEAD is opened
    at the other service."""
    for url, kinds in {
        "http://api.orders:8080": {"head"},
        "http://api.orders:8081": {"opened", "other service"},
        "http://elsewhere:8080": {"opened", "other service"},
        "https://api.orders:8080": {"opened", "other service"},
    }.items():
        found = _rows(_compared(OPEN, f"url: '{url}'"))
        assert {row[0] for row in found} == kinds, url


def test_an_upstream_is_its_targets() -> None:
    """The name of an upstream is no address."""
    service = "host: pool, port: 80"
    targets = (
        "upstreams: [{name: pool, targets: [{target: 'api.orders:8080'}%s]}]"
    )
    same = _rows(_compared(OPEN, service, more=targets % ""))
    more = _rows(_compared(OPEN, service, more=targets % ", {target: 'b:80'}"))
    unused = _rows(
        _compared(OPEN, service, more=targets % ", {target: 'b:80', weight: 0}")
    )
    assert {row[0] for row in same} == {row[0] for row in unused} == {"head"}
    assert {row[0] for row in more} == {"opened", "other service"}


def test_a_changed_path_is_listed() -> None:
    """Kong strips the path by default, and the gate sends it as it is."""
    route = ROUTE.replace("strip_path: false", "strip_path: true")
    rows = [
        row for row in _rows(_compared(OPEN, route=route)) if row[0] == "path"
    ]
    assert [(row[2], row[3], row[4]) for row in rows] == [
        ("/orders", "/", "/orders"), ("/orders/", "/", "/orders/"), ("/orders/*", "/x", "/orders/x"),
    ]  # fmt: skip


def test_a_changed_host_is_listed() -> None:
    """Kong sends the service's host by default, and the gate the caller's."""
    route = ROUTE.replace("preserve_host: true", "preserve_host: false")
    rows = [
        row for row in _rows(_compared(OPEN, route=route)) if row[0] == "host"
    ]
    assert [row[3:] for row in rows] == [
        ("api.orders.svc.cluster.local:8080", HOST)
    ]


def test_lost_identity_headers_are_listed() -> None:
    """The workload learned the consumer from `X-Consumer-*`."""
    rows = [
        row
        for row in _compared(OPEN, more=KEYS % "").rows
        if row.change.kind == "identity"
    ]
    assert [(row.change.before, row.change.callers) for row in rows] == [
        ("X-Consumer-Custom-ID, X-Consumer-ID, X-Consumer-Username, X-Credential-Identifier", ("acme, b by key-auth",)),
    ]  # fmt: skip


def test_lost_conditions_are_opened() -> None:
    """Without the networks of an `ip-restriction`, or without its plugin, more callers pass."""
    for plugin in (
        "{name: ip-restriction, config: {allow: [10.0.0.0/8]}}",
        "{name: bot-detection}",
    ):
        comparison = _compared(OPEN, more=f"plugins: [{plugin}]")
        assert comparison.rows[0].change.kind == "opened", plugin


@pytest.mark.parametrize(
    ("allow", "deny", "networks", "is_more"),
    [
        (["10.0.0.0/8"], [], [], True),
        (["10.0.0.0/8"], [], ["10.1.0.0/16"], False),
        (["10.0.0.0/8"], [], ["10.1.0.0/16", "192.0.2.0/24"], True),
        (["10.0.0.0/8"], ["10.1.2.3"], ["10.1.0.0/16"], True),
        ([], ["10.1.2.3"], ["192.0.2.0/24"], False),
        ([], ["10.1.2.3"], [], True),
        (["2001:db8::/32"], [], ["10.0.0.0/8"], True),
        (["${OFFICE}"], [], ["10.0.0.0/8"], True),
        ([], [], [], False),
    ],
)  # fmt: skip
def test_networks_admit_more_or_not(
    allow: list[str], deny: list[str], networks: list[str], is_more: bool
) -> None:
    """Every network of a rule must be within the allowed and outside the denied addresses."""
    found = admits_more(
        {"allow": allow, "deny": deny}, tuple(map(network, networks))
    )
    assert found is is_more


def test_consumers_of_equal_groups_are_one_class_of_callers() -> None:
    """Sunbird has 126 groups: each consumer alone would cost too much."""
    consumers = [
        {
            "username": f"c{n}",
            "acls": [{"group": f"g{n % 2}"}],
            "keyauth_credentials": [{"key": f"k{n}"}],
        }
        for n in range(9)
    ]
    more = f"consumers: {json.dumps(consumers)}"
    assert [caller.name for caller in _compared(OPEN, more=more).callers] == [
        "nobody", "unknown token", "token without key id", "c0, c2, c4, c6, c8 by key-auth", "c1, c3, c5, c7 by key-auth",
    ]  # fmt: skip


def test_a_consumer_that_a_client_names_is_compared_alone() -> None:
    """The old Kong denies both consumers alike, and our gate lets only the second one pass."""
    old = old_kong(
        f"services: [{{name: s, {SAME}, routes: [{ROUTE}], "
        "plugins: [{name: key-auth}, {name: acl, config: {allow: [staff]}}]}]\n"
        "consumers:\n"
        "- {username: abel, acls: [{group: partners}], keyauth_credentials: [{key: x}]}\n"
        "- {username: acme, acls: [{group: partners}], keyauth_credentials: [{key: y}]}\n"
    )
    opened = {
        row.change.callers
        for row in compare(old, estate(ORDERS, ACME)).rows
        if row.change.kind == "opened" and "/orders" in row.paths
    }
    assert opened == {("acme by key-auth",)}


def test_recorded_requests_are_counted_by_class_and_consumer() -> None:
    """Anonymous consumers count as nobody; broken lines are counted apart."""
    comparison = _compared(OPEN)
    lines = [
        _record("/orders?x=1"),
        _record("/orders/7", "acme"),
        _record("/orders/8", "acme"),
        b"{",
        b"",
    ]
    counts, unreadable = count_requests(lines, comparison.requests)
    found = {
        (key[1], key[2], consumer): count
        for (key, consumer), count in counts.items()
    }
    assert found == {("/orders", True, ""): 1, ("/orders/", False, "acme"): 2}
    assert unreadable == 1


def _record(uri: str, consumer: str = "") -> bytes:
    record: dict[str, object] = {
        "request": {"method": "GET", "uri": uri, "headers": {"host": HOST}}
    }
    record["consumer"] = {"username": consumer or "anonymous"}
    if consumer:
        record["authenticated_entity"] = {"id": "k"}
    return json.dumps(record).encode()


def test_a_kept_key_is_compared_with_its_path_and_host() -> None:
    """Path and Host stay. The groups and the key itself do not reach the workload."""
    text = """
_format_version: "3.0"
services:
- name: pages
  url: http://pages:3000
  routes: [{name: pages, paths: [/]}]
- name: orders
  url: http://orders:8080/v1
  plugins: [{name: key-auth}, {name: acl, config: {allow: [partners]}}]
  routes: [{name: orders, paths: [/orders]}]
consumers:
- {username: acme, acls: [{group: partners}], keyauth_credentials: [{key: x}]}
"""
    old = read_old(text)
    assert old is not None
    compared = compare(old, new_side(adopted(text)).estate)
    found = [
        (row.change.kind, row.paths, row.change.before)
        for row in compared.rows
        if row.change.callers == ("acme by key-auth",)
    ]
    assert found == [
        ("closed", ("/orders*",), "to http://orders:8080"),
        (
            "identity",
            ("/orders", "/orders/", "/orders/*"),
            "X-Consumer-Groups, the credential",
        ),
    ]


def test_tokens_of_consumers_name_no_key() -> None:
    """Our gate denies them at an open route, and accepts tokens whose header names a key."""
    old = old_kong(
        f"services: [{{name: s, {SAME}, routes: [{ROUTE}]}}]\n"
        "consumers: [{username: carol, jwt_secrets: [{key: carol}]}]"
    )
    closed = [
        row.change.callers
        for row in compare(old, estate(api(access=OPEN))).rows
        if row.change.kind == "closed"
    ]
    assert closed == [("token without key id", "carol by jwt without key id")]
