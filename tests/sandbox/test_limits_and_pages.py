"""Rate limits and pages of the stand-ins for Okta and Entra, as their products document them, and
runs that respect them."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from kong_oam.errors import ManagementApiError
from kong_oam.http import rates
from kong_oam.identity.okta import api as org_api
from sandbox.entra import Entra
from sandbox.okta import Okta
from sandbox.okta.service import DOCUMENTED
from sandbox.rates import Rates
from tests.support.entra_mocks import graph_of

GROUPS = [f"group-{number:02}" for number in range(25)]


class Clock:
    """Seconds since 1970, which pass only during waits."""

    def __init__(self) -> None:
        self.now = time.time()
        self.waited: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(rates.time, "sleep", made.sleep)
    return made


@pytest.fixture
def okta() -> Iterator[Okta]:
    with Okta(api_token="t", groups=GROUPS) as made:
        yield made


@pytest.fixture
def org(okta: Okta) -> Iterator[httpx.Client]:
    with org_api.client(
        org_api.Account("acme", "okta.test", "t", okta.url)
    ) as connection:
        yield connection


def test_oktas_limit_is_announced_and_enforced(
    okta: Okta, org: httpx.Client
) -> None:
    """By its error code and headers."""
    okta.rates = Rates({"/api/v1/groups": 2})
    first, second, third = (org.get("/groups") for _ in range(3))
    assert [response.status_code for response in (first, second, third)] == [
        200,
        200,
        429,
    ]
    assert (
        first.headers["X-Rate-Limit-Limit"],
        first.headers["X-Rate-Limit-Remaining"],
    ) == (
        "2",
        "1",
    )
    assert third.json()["errorCode"] == "E0000047"
    assert third.headers["X-Rate-Limit-Remaining"] == "0"
    assert 0 < int(third.headers["X-Rate-Limit-Reset"]) - time.time() <= 60
    assert [
        DOCUMENTED[path]
        for path in ("/api/v1/apps.*", "/api/v1/groups", "/api/v1/.*")
    ] == [
        100,
        500,
        1200,
    ]


def test_a_list_longer_than_oktas_limit_is_read_in_two_windows(
    okta: Okta, org: httpx.Client, clock: Clock
) -> None:
    """Three pages, of which two are had in a minute: it is waited once, and nothing is missing."""
    okta.page = 10
    okta.rates = Rates({"/api/v1/groups": 2}, now=clock)
    names = [row["profile"]["name"] for row in org_api.rows(org, "/groups")]
    assert names == ["Everyone", *GROUPS]
    assert len(clock.waited) == 1 and 0 < clock.waited[0] <= 61


def test_a_list_longer_than_graphs_limit_is_read_in_two_windows(
    clock: Clock,
) -> None:
    """It waits for the time in Retry-After."""
    with Entra(GROUPS, page=10) as tenant:
        tenant.rates = Rates({"/v1.0/groups": 2}, window=10.0, now=clock)
        with graph_of(tenant) as graph:
            assert [*graph.groups()] == GROUPS
    assert len(clock.waited) == 1 and 0 < clock.waited[0] <= 10


def test_graphs_filter_takes_so_many_names() -> None:
    """An additional name is rejected, so the program's requests have no more. All are found, by few
    requests, in any spelling."""
    odd = ["it's", "sales and marketing", "Ä, (b) 'c'"]
    with (
        Entra([*GROUPS, *odd]) as tenant,
        graph_of(tenant) as graph,
    ):
        listed = ", ".join(f"'{name}'" for name in GROUPS[:16])
        with pytest.raises(ManagementApiError, match="Too many child clauses"):
            [*graph.rows("/groups", f"displayName in ({listed})")]
        tenant.requests.clear()
        found = graph.group_ids([*GROUPS[:10], *odd, "nobody"])
        assert len(tenant.requests) == 1
        assert {name for name, ids in found.items() if len(ids) == 1} == {
            *GROUPS[:10],
            *odd,
        }
        assert found["nobody"] == []
        tenant.directory.add_group("GROUP-01")
        assert len(graph.group_ids(["group-01"])["group-01"]) == 2


def test_names_in_different_case_find_the_same_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each name has a separate filter, and both find the group."""
    monkeypatch.setattr("kong_oam.identity.entra.api._MOST_VALUES", 1)
    monkeypatch.setattr("kong_oam.identity.entra.api._TOP", 1)
    with (
        Entra(GROUPS, page=1) as tenant,
        graph_of(tenant) as graph,
    ):
        found = graph.group_ids(["group-01", "Group-01"])
        assert len(found["group-01"]) == len(found["Group-01"]) == 1
