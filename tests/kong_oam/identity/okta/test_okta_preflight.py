"""Inspection of an org before the first change: groups of roles, and an Okta that denies, limits or
does not answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import httpx
import pytest

from kong_oam.access.model import Stack
from kong_oam.access.settings.values import ProviderSettings
from kong_oam.errors import ManagementApiError
from kong_oam.identity.common.groups import look_up, unclear_groups
from kong_oam.identity.common.parts import group_names
from kong_oam.identity.okta.api import Account, client, rows
from kong_oam.identity.okta.preflight import group_ids
from sandbox.okta import Okta
from tests.support.estates import PROVIDER, STACK, estate

WITH_GROUPS = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec:
  components:
    - name: api
      type: webservice
      properties: {image: x, ports: [{port: 80}]}
      traits:
        - {type: gateway, properties: {domain: shop.example.com, http: {/: 80}}}
        - type: access
          properties:
            owner: shop
            scopes: {read: Read}
            rules: [{scopes: [read]}]
            roles:
              reader: {scopes: [read], groups: [sales]}
              desk: {scopes: [read], groups: [sales, desk]}
"""
"""An API whose roles name two groups, one of them twice."""

SETTINGS = ProviderSettings("main", "okta", "api://tests")
Answer = Callable[[httpx.Request], httpx.Response]


def _org(answer: Answer) -> httpx.Client:
    return httpx.Client(
        base_url="https://acme.okta.com/api/v1",
        transport=httpx.MockTransport(answer),
    )


def _problems(org: httpx.Client, stack: Stack = STACK) -> list[str]:
    roles = estate(WITH_GROUPS, stack=stack)
    ids = look_up(group_names(SETTINGS, roles), partial(group_ids, org))
    return [
        str(found).splitlines()[0]
        for found in unclear_groups(SETTINGS, roles, ids)
    ]


@pytest.fixture
def org() -> Iterator[Callable[..., httpx.Client]]:
    """An org of the stand-in with the groups that are named."""
    running: list[tuple[Okta, httpx.Client]] = []

    def make(*groups: str) -> httpx.Client:
        okta = Okta(api_token="secret", groups=groups)
        okta.start()
        asking = client(Account("acme", "okta.invalid", "secret", okta.url))
        running.append((okta, asking))
        return asking

    yield make
    for okta, asking in running:
        asking.close()
        okta.stop()


def test_every_group_that_does_not_exist_is_said_where_a_role_names_it(
    org: Callable[..., httpx.Client],
) -> None:
    """Each finding has its role's place, and suggests a name that differs by a typing error;
    a name that only begins so is another group."""
    problems = _problems(org("Sales", "sales-emea", "desk"))
    where = "Create it there, or map 'sales' under identityProviders[].groups in stacks/Pulumi.tests.yaml"
    near = "group 'sales' of main does not exist; did you mean 'Sales'? "
    assert problems == [
        f"app1.yaml:18:49: error ENV401: role 'reader': {near}{where}",
        f"app1.yaml:19:47: error ENV401: role 'desk': {near}{where}",
    ]
    assert _problems(org("sales", "desk")) == []


def test_a_group_is_looked_for_by_the_name_that_it_is_mapped_to(
    org: Callable[..., httpx.Client],
) -> None:
    """The logical name need not exist, and both names are said."""
    mapped = Stack(
        "tests",
        {
            "main": type(PROVIDER)(
                "main",
                "api://tests",
                PROVIDER.spelling,
                groups={"desk": "Desk 1"},
            )
        },
    )
    assert _problems(org("sales", "Desk 1"), mapped) == []
    (problem,) = _problems(org("sales", "desk"), mapped)
    assert (
        "group 'desk' (there 'Desk 1') of main does not exist. Create it there"
        in problem
    )


def test_a_name_that_two_groups_have_is_no_grant() -> None:
    """An org may import groups of a name that it has: which of them is meant, nobody can say."""

    def answer(request: httpx.Request) -> httpx.Response:
        found = (
            ["desk", "sales", "sales"]
            if "q" not in request.url.params
            else [request.url.params["q"]]
        )
        if found == ["sales"]:
            found = ["sales", "sales 2", "sales"]
        return httpx.Response(
            200,
            json=[
                {"id": f"{number}", "profile": {"name": name}}
                for number, name in enumerate(found)
            ],
        )

    problems = _problems(_org(answer))
    assert len(problems) == 2
    assert all(
        problem.endswith(
            "group 'sales' of main exists 2 times. Rename the others"
        )
        for problem in problems
    )


def _refusal(answer: Answer) -> str:
    with pytest.raises(ManagementApiError) as refused:
        list(rows(_org(answer), "/groups"))
    return str(refused.value)


def _gone(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("no route")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            httpx.Response(
                401, json={"errorSummary": "Invalid token provided"}
            ),
            "401 Invalid token provided; create a new",
        ),
        (
            httpx.Response(403, json={"errorSummary": "No permission"}),
            "403 No permission; let the token's administrator",
        ),
        (
            httpx.Response(500, text="<html>\nbroken"),
            "500 <html> broken; see status.okta.com",
        ),
        (
            httpx.Response(
                404,
                json={
                    "errorSummary": "Not found",
                    "errorCauses": [{"errorSummary": "x"}],
                },
            ),
            "404 Not found; x",
        ),
        (
            httpx.Response(200, text="<html>"),
            "/api/v1/groups answers no JSON list; is this Okta's management API?",
        ),
        (
            httpx.Response(200, json={}),
            "/api/v1/groups answers no JSON list; is this Okta's management API?",
        ),
        (
            None,
            "acme.okta.com does not answer (ConnectError); check okta:orgName, okta:baseUrl and okta:httpProxy",
        ),
    ],
    ids=["401", "403", "500", "404", "not JSON", "no list", "gone"],
)
def test_each_refusal_says_what_to_do(
    answer: httpx.Response | None, message: str
) -> None:
    """With the org, what was asked and Okta's own words; without the token."""
    refusal = _refusal(_gone if answer is None else lambda request: answer)
    assert refusal.startswith("acme.okta.com") and message in refusal
    assert "\n" not in refusal


def test_a_rate_limit_that_lasts_is_a_refusal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The error has Okta's waiting time, and the remedy."""
    monkeypatch.setattr("kong_oam.http.rates.time.sleep", lambda seconds: None)
    headers = {
        "X-Rate-Limit-Reset": "1700000010",
        "Date": "Tue, 14 Nov 2023 22:13:20 GMT",
    }
    refusal = _refusal(
        lambda request: httpx.Response(
            429, json={"errorSummary": "Too many"}, headers=headers
        )
    )
    assert refusal == (
        "acme.okta.com: GET /api/v1/groups answers 429 Too many (rate limit: wait 11 s; a run waits at most 300 s "
        "for one request); the org's rate limit is used up; run it again later"
    )
