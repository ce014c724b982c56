"""The tables that a stack exports for people: a line of text for what one rule lets in, and for what one client gets."""

from __future__ import annotations

import contextlib

import pytest
import yaml

from kong_oam.access.report import access_table, grants
from tests.support.diffs import API, SHOP, edited, model

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
    """Beside the component and the scopes that are asked for; and one what a client's tokens may list."""
    estate = model(API, SHOP).estate
    assert access_table(estate).splitlines() == [
        "REQUESTS  COMPONENT, SCOPES AND WHO HAS THEM",
        "GET,HEAD orders.example.com/orders  orders/api: read: shop/checkout, shop/web for sales",
        "POST orders.example.com/orders  orders/api: read and write: nobody",
        "GET,HEAD orders.example.com/orders/health  orders/api: everybody (probes)",
        "* web-shop.apps.example.com/  shop/web: everybody (pages)",
    ]
    assert grants(estate).splitlines() == [
        "CLIENT  SCOPES",
        "shop/checkout at okta  read",
        "shop/web at okta  read write for users in desk, sales",
    ]


@pytest.mark.parametrize("applications", [(API, SHOP), (PUBLIC,), ()])
def test_the_engine_takes_neither_table_for_yaml(applications: tuple[str, ...]) -> None:
    """It would unfold it, and print in each preview what stays."""
    for table in (access_table, grants):
        with contextlib.suppress(yaml.YAMLError):
            assert isinstance(yaml.safe_load(table(model(*applications).estate)), str)


@pytest.mark.parametrize("applications", [(API, SHOP), ()])
def test_the_last_line_has_an_end_like_the_others(applications: tuple[str, ...]) -> None:
    """A preview compares lines with their ends, so what comes behind it does not change it."""
    for table in (access_table, grants):
        assert table(model(*applications).estate).endswith("\n")


def test_a_reason_is_one_line() -> None:
    """Whatever somebody wrote into it."""
    estate = model(edited(PUBLIC, ("{reason: press}", '{reason: "press\\n\\e[31m"}'))).estate
    assert access_table(estate).splitlines()[1:] == [
        "GET,HEAD press.example.com/  press/pages: everybody (press??[31m)"
    ]
