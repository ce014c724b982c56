"""Groups that are named once and nearly as another are found, and names that only look alike are not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kong_oam.access.lint.groups import doubtful_groups
from tests.support.estates import PROVIDER, STACK, api, estate
from tests.support.lint_estates import (
    Data,
    access_of,
    changed,
    files_of,
    linted,
)


def of(
    *roles: str,
    mapped: tuple[str, ...] = (),
    known: frozenset[str] | None = None,
) -> dict[str, str]:
    """What is doubtful, where each of `roles` is the list of groups of a role."""
    provider = replace(
        PROVIDER, groups={name: f"their {name}" for name in mapped}
    )
    stack = replace(STACK, providers={"main": provider}, known_groups=known)
    listed = ", ".join(
        f"r{number}: {{scopes: [s], groups: {groups}}}"
        for number, groups in enumerate(roles)
    )
    return dict(
        doubtful_groups(
            estate(
                api(
                    access=f"{{owner: o, scopes: {{s: s}}, roles: {{{listed}}}}}"
                ),
                stack=stack,
            )
        )
    )


@pytest.mark.parametrize(
    "typo",
    ["salse", "sale", "saless", "salas", "Sales", "asles", "sales-", "xsales"],
)
def test_one_slip_of_a_name_that_others_use_is_found(typo: str) -> None:
    assert of("[sales]", "[sales]", f"[{typo}]") == {typo: "sales"}


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
    """Of numbered teams and short names, one letter says little."""
    assert of(f"[{known}]", f"[{known}]", f"[{similar}]") == {}


def test_a_name_that_is_used_twice_is_meant() -> None:
    """In two roles; twice in one role is once."""
    assert of("[sales]", "[sales]", "[salse]", "[salse]") == {}
    assert of("[sales]", "[sales]", "[salse, salse]") == {"salse": "sales"}
    assert of("[sales]", "[salse]") == {"sales": "salse", "salse": "sales"}, (
        "nobody knows which"
    )
    assert of("[sales]", "[sales]", "[salea]", "[saleb]") == {
        "salea": "sales",
        "saleb": "sales",
    }, "the one that is meant"


def test_what_the_stack_maps_is_meant_and_may_be_what_was_meant() -> None:
    assert of("[sales]", "[sales]", "[salse]", mapped=("salse",)) == {}
    assert of("[salse]", mapped=("sales",)) == {"salse": "sales"}


def test_where_the_stack_lists_its_groups_nothing_is_doubtful() -> None:
    assert (
        of("[sales]", "[sales]", "[salse]", known=frozenset({"sales", "salse"}))
        == {}
    )


def test_the_finding_stands_at_the_group() -> None:
    """And can be waived, as what only its owner knows."""

    def mistyped(orders: Data, shop: Data) -> None:
        access_of(orders)["roles"]["editor"]["groups"] = ["sales"]
        access_of(orders)["roles"]["more"] = {
            "scopes": ["read"],
            "groups": ["desk", "salse"],
        }

    files = files_of(changed(mistyped), "mixed")
    _, (finding,) = linted(files)
    assert (finding.code, finding.message) == (
        "LINT311",
        "only role 'more' names group 'salse'; did you mean 'sales'?",
    )
    line = files["orders.yaml"].splitlines()[finding.position.line - 1]
    assert line[finding.position.column - 1 :].startswith("salse")
    assert finding.change is None

    def waived(orders: Data, shop: Data) -> None:
        mistyped(orders, shop)
        access_of(orders)["waivers"] = [
            {"finding": "LINT311", "reason": "theirs", "until": "2027-01-01"}
        ]

    assert linted(files_of(changed(waived), "mixed"))[1] == ()


def test_of_two_that_are_named_once_each_may_be_the_other() -> None:
    """At both places."""

    def mistyped(orders: Data, shop: Data) -> None:
        access_of(orders)["roles"]["editor"]["groups"] = ["support"]
        access_of(orders)["roles"]["more"] = {
            "scopes": ["read"],
            "groups": ["desk", "suport"],
        }

    _, findings = linted(files_of(changed(mistyped), "mixed"))
    assert [finding.message for finding in findings] == [
        "only role 'editor' names group 'support'; did you mean 'suport'?",
        "only role 'more' names group 'suport'; did you mean 'support'?",
    ]
