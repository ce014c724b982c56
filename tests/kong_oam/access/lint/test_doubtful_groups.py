"""Lint finds groups that one role names and that nearly match another group; other similar names
are accepted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kong_oam.access.lint.groups import doubtful_groups
from tests.support.diffs import edited
from tests.support.estates import PROVIDER, STACK, api, estate
from tests.support.lint_estates import linted


def doubtful(
    *roles: str,
    mapped: tuple[str, ...] = (),
    known: frozenset[str] | None = None,
) -> dict[str, str]:
    """Return the doubtful groups without places, if each entry of `roles` lists the groups of a
    role."""
    provider = replace(
        PROVIDER, groups={name: f"their {name}" for name in mapped}
    )
    stack = replace(STACK, providers={"main": provider}, known_groups=known)
    listed = ", ".join(
        f"r{number}: {{scopes: [s], groups: {groups}}}"
        for number, groups in enumerate(roles)
    )
    access = f"{{owner: o, scopes: {{s: s}}, roles: {{{listed}}}}}"
    found = doubtful_groups(estate(api(access=access), stack=stack))
    return {group: near.split("'")[1] for group, near in found.items()}


@pytest.mark.parametrize(
    "typo",
    ["salse", "sale", "saless", "salas", "Sales", "asles", "sales-", "xsales"],
)
def test_one_slip_of_a_name_that_others_use_is_found(typo: str) -> None:
    assert doubtful("[sales]", "[sales]", f"[{typo}]") == {typo: "sales"}


@pytest.mark.parametrize(
    ("known", "similar"),
    [
        ("sales", "support"),
        ("sales-eu", "sales-us"),
        ("team-1", "team-2"),
        ("team", "team1"),
        ("team-12", "team-21"),
        ("dev", "dex"),
        ("viewers", "reviewers"),
    ],
)
def test_names_that_are_alike_on_purpose_are_not(
    known: str, similar: str
) -> None:
    """One letter means little in numbered teams and short names."""
    assert doubtful(f"[{known}]", f"[{known}]", f"[{similar}]") == {}


def test_a_name_that_is_used_twice_is_meant() -> None:
    """Two roles must name the group; twice in one role counts once."""
    assert doubtful("[sales]", "[sales]", "[salse]", "[salse]") == {}
    assert doubtful("[sales]", "[sales]", "[salse, salse]") == {
        "salse": "sales"
    }
    assert doubtful("[sales]", "[salse]") == {"sales": "salse"}, (
        "nobody knows which"
    )
    assert doubtful("[sales]", "[sales]", "[salea]", "[saleb]") == {
        "salea": "sales",
        "saleb": "sales",
    }, "the one that is meant"


def test_what_the_stack_maps_is_meant_and_may_be_what_was_meant() -> None:
    assert doubtful("[sales]", "[sales]", "[salse]", mapped=("salse",)) == {}
    assert doubtful("[salse]", mapped=("sales",)) == {"salse": "sales"}


def test_where_the_stack_lists_its_groups_nothing_is_doubtful() -> None:
    assert (
        doubtful(
            "[sales]", "[sales]", "[salse]", known=frozenset({"sales", "salse"})
        )
        == {}
    )


ORDERS = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: orders, namespace: orders}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x}
      traits:
        - type: gateway
          properties: {domain: orders.example.com, http: {/orders: 8080}}
        - type: access
          properties:
            owner: team-orders
            scopes: {read: Read}
            rules: [{methods: [GET], scopes: [read]}]
            roles:
              viewer: {scopes: [read], groups: [sales, desk], components: [orders/web]}
              editor: {scopes: [read], groups: [sales, desk], components: [orders/web]}
              third: {scopes: [read], groups: [salse], components: [orders/web]}
    - name: web
      type: webservice
      properties: {image: x}
      traits:
        - type: gateway
          properties: {domain: web.example.com, http: {/: 8080}}
        - type: access
          properties:
            owner: team-orders
            rules: [{methods: [GET], public: {reason: pages, until: "2027-06-30"}}]
        - type: client
          properties: {kind: web, redirectPaths: [/cb], calls: [{component: orders/api, scopes: [read]}]}
"""


def test_the_finding_stands_at_the_group() -> None:
    """Only the owner knows the right name, so lint suggests no change."""
    _, (finding,) = linted({"orders.yaml": ORDERS})
    assert (finding.code, str(finding.position), finding.message) == (
        "LINT311",
        "orders.yaml:20:48",
        "only role 'third' names group 'salse'; did you mean 'sales' (orders.yaml:18:23, "
        "orders.yaml:19:23)?",
    )
    assert finding.change is None


def test_the_finding_can_be_waived() -> None:
    waiver = '{finding: LINT311, reason: theirs, until: "2027-01-01"}'
    waived = edited(
        ORDERS,
        (
            "            roles:\n",
            f"            waivers: [{waiver}]\n            roles:\n",
        ),
    )
    assert linted({"orders.yaml": waived})[1] == ()


def test_of_two_that_are_named_once_each_may_be_the_other() -> None:
    """One finding has both names and both places."""
    orders = edited(
        ORDERS,
        (
            "editor: {scopes: [read], groups: [sales",
            "editor: {scopes: [read], groups: [support",
        ),
        ("[salse]", "[suport]"),
    )
    assert [
        finding.message for finding in linted({"orders.yaml": orders})[1]
    ] == [
        "only role 'third' names group 'suport'; did you mean 'support' (orders.yaml:19:23)?"
    ]
