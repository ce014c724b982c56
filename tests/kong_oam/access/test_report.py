"""The tables that a stack exports for people: a line of text per rule, and per client."""

from __future__ import annotations

import contextlib

import pytest
import yaml
from hypothesis import given

from kong_oam.access.callers import Callers, principal_of
from kong_oam.access.model import Estate
from kong_oam.access.principals import suffices
from kong_oam.access.providers import Provider
from kong_oam.access.report import access_table, grants, holders
from tests.support.diffs import API, SHOP, edited, model, settings
from tests.support.small_estates import MANY, SETS_OF_GROUPS, estates

PUBLIC = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: press}
spec:
  components:
    - name: pages
      type: webservice
      properties: {image: pages}
      traits:
        - {type: gateway, properties: {domain: press.example.com, http: {/: 80}}}
        - {type: access, properties: {owner: press, rules: [{methods: [GET], public: {reason: press}}]}}
"""


def test_a_line_says_who_may_make_a_request() -> None:
    """A line has the component, the required scopes and the callers. Another line has the scopes of
    a client's tokens."""
    estate = model(API, SHOP).estate
    assert access_table(estate).splitlines() == [
        "REQUESTS  COMPONENT, SCOPES AND WHO HAS THEM",
        "GET,HEAD orders.example.com/orders  orders/api: read: shop/checkout, shop/web for sales",
        "POST orders.example.com/orders  orders/api: read and write: shop/web for desk and sales",
        "GET,HEAD orders.example.com/orders/health  orders/api: everybody (probes)",
        "* web-shop.apps.example.com/  shop/web: everybody (pages)",
    ]
    assert grants(estate).splitlines() == [
        "CLIENT  SCOPES",
        "shop/checkout at okta  read",
        "shop/web at okta  read write for users in desk, sales",
    ]


def test_groups_that_need_each_other_are_told_together() -> None:
    """They follow the groups that are enough alone. Several logical groups that are one group at
    the provider count once."""
    role = "viewer: {scopes: [read], groups: ["
    more = edited(
        API,
        (f"{role}sales]", f"{role}sales, support, chiefs]"),
        ("groups: [desk]", "groups: [desk, chiefs]"),
    )
    assert (
        "read and write: shop/web for chiefs, shop/web for (sales or support) and desk"
        in access_table(model(more, SHOP).estate)
    )
    renamed = settings(
        providers=[
            {
                "name": "okta",
                "type": "okta",
                "groups": {"desk": "them", "sales": "them"},
            }
        ]
    )
    assert "read and write: shop/web for desk\n" in access_table(
        model(API, SHOP, on=renamed).estate
    )


@MANY
@given(estates())
def test_the_table_names_whom_the_rules_let_in(estate: Estate) -> None:
    """For users in each set of groups."""
    callers = Callers(estate)
    for component in estate.components.values():
        for rule in (rule for rule in component.exposure.rules if rule.scopes):
            holders_of_rule = holders(estate, component, rule)
            access = callers.principals_with(
                component, frozenset(rule.scopes)
            ).principals
            provider = estate.provider_of(component)
            for client in (
                client
                for client in estate.clients
                if client.provider == provider.name
            ):
                entries = [
                    entry.partition(" for ")[2]
                    for entry in holders_of_rule
                    if entry.split()[0] == client.component
                ]
                for groups in SETS_OF_GROUPS:
                    held_groups = frozenset(map(provider.group, groups))
                    may = suffices(
                        held_groups,
                        access.get(principal_of(client), frozenset()),
                    )
                    assert (
                        any(
                            is_met(entry, held_groups, provider)
                            for entry in entries
                        )
                        == may
                    )


def is_met(entry: str, held_groups: frozenset[str], provider: Provider) -> bool:
    """Return whether the table lists users in these groups of the provider."""
    parts = entry.split(" and ") if entry else []
    return all(
        any(
            provider.group(name) in held_groups
            for name in part.strip("()").split(" or ")
        )
        for part in parts
    )


@pytest.mark.parametrize("applications", [(API, SHOP), (PUBLIC,), ()])
def test_the_engine_takes_neither_table_for_yaml(
    applications: tuple[str, ...],
) -> None:
    """The engine would expand YAML, and print unchanged lines in each preview. A newline ends the
    last line, so that a new line after it does not change it."""
    for table in (access_table, grants):
        text = table(model(*applications).estate)
        assert text.endswith("\n")
        with contextlib.suppress(yaml.YAMLError):
            assert isinstance(yaml.safe_load(text), str)


def test_a_reason_is_one_line() -> None:
    """Line breaks and control characters of the text are replaced."""
    estate = model(
        edited(PUBLIC, ("{reason: press}", '{reason: "press\\n\\e[31m"}'))
    ).estate
    assert access_table(estate).splitlines()[1:] == [
        "GET,HEAD press.example.com/  press/pages: everybody (press??[31m)"
    ]
