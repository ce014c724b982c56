"""How many requests a run sends before it makes anything: a page at a time, whatever the estate's size."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support import growing_estates as growing
from tests.support.counted_requests import NOTHING, kong, org, realm, tenant
from tests.support.documentation import page as page_of
from tests.support.tiers import deep_after

SIZES = (3, 33, 333)
"""Applications: 9, 99 and 999 components."""
PAGE = 50
ALWAYS = {"Okta": 3, "Entra": 3, "Keycloak": 3, "Kong": 5}
"""Requests of each run that this page does not count.

At providers: login, the issuer's document, and Okta's signing keys. At Kong: its version, three
schemas, and keys.
"""
AT_NEW_ROUTES = {"Okta": 0, "Entra": 0, "Keycloak": 0, "Kong": 1}
"""Further requests of a run that makes a route: global plugins would apply to it."""


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kong_oam.identity.keycloak.api._PAGE", PAGE)


PRODUCTS = {"Okta": org, "Entra": tenant, "Keycloak": realm, "Kong": kong}
PROVIDERS = pytest.mark.parametrize(
    "provider", deep_after(1, PRODUCTS.values()), ids=PRODUCTS
)


@PROVIDERS
@pytest.mark.parametrize("count", deep_after(2, SIZES))
def test_a_run_without_a_change_asks_for_a_page_at_a_time(
    provider: Any, count: int
) -> None:
    """It reads pages of existing groups, since nothing else is looked up then; at Kong nothing at
    all."""
    # Okta has a built-in group, Everyone.
    groups = len(growing.group_names(count)) + (1 if provider is org else 0)
    pages = 0 if provider is kong else -(-groups // PAGE)
    with provider(count, PAGE) as requests:
        assert min(pages, 1) <= requests(growing.ALL, False) <= pages


@pytest.mark.deep
@PROVIDERS
def test_an_application_more_costs_the_same_in_an_estate_of_any_size(
    provider: Any,
) -> None:
    """Beyond the cost of a run without changes, it requests each of its names. The only list is
    Kong's routes, 1,000 on a page."""
    costs = []
    for count in SIZES:
        with provider(count, None if provider is kong else PAGE) as requests:
            costs.append(
                requests(growing.WITHOUT_THE_FIRST, True)
                - requests(growing.ALL, True)
            )
    assert len({*costs}) == 1 and 0 < costs[0] <= 10


@PROVIDERS
def test_a_first_run_looks_through_what_there_is_and_not_for_each_name(
    provider: Any,
) -> None:
    """The estate is new: as many requests for 999 components as for 99, except for pages of groups."""
    costs = []
    for count in SIZES[1:]:
        with provider(count, PAGE, filled=False) as requests:
            costs.append(
                requests(NOTHING, False) - requests(growing.ALL, False)
            )
    assert costs[0] == costs[1] <= 7


ROW = re.compile(
    r"^\| (a run without|an Application more|a first run).*?\| (.*) \|$",
    re.MULTILINE,
)


def test_the_page_tells_what_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For 33 Applications, by the pages that the program reads."""
    monkeypatch.undo()
    counted: dict[str, list[int]] = {
        "a run without": [],
        "an Application more": [],
        "a first run": [],
    }
    for name, product in PRODUCTS.items():
        with product(33) as requests:
            counted["a run without"].append(
                requests(growing.ALL, False) + ALWAYS[name]
            )
            counted["an Application more"].append(
                requests(growing.WITHOUT_THE_FIRST, True)
                + ALWAYS[name]
                + AT_NEW_ROUTES[name]
            )
        with product(33, filled=False) as requests:
            counted["a first run"].append(
                requests(NOTHING, False) + ALWAYS[name] + AT_NEW_ROUTES[name]
            )
    documented = {
        run: [int(number) for number in numbers.split("|")]
        for run, numbers in ROW.findall(page_of("explanation/cost.md"))
    }
    assert documented == counted
