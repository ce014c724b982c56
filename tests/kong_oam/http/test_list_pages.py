"""Lists in pages: each product's link to the next page, an endless list, and a link to another
host."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import httpx
import pytest

from kong_oam.errors import ManagementApiError
from kong_oam.http import management
from kong_oam.identity.entra.api import Account, Graph
from kong_oam.identity.entra.names import Tenant
from kong_oam.identity.keycloak.api import Account as RealmAccount
from kong_oam.identity.keycloak.api import Realm
from kong_oam.identity.okta.api import rows
from kong_oam.kong.account import Account as KongAccount
from kong_oam.kong.admin import AdminApi, AdminError
from tests.support.streams import Capsys

Answer = Callable[[httpx.Request], httpx.Response]
GRAPH = "https://graph.microsoft.com/v1.0/applications"


def okta(answer: Answer) -> Iterable[Any]:
    with httpx.Client(
        base_url="https://acme.okta.com/api/v1",
        transport=httpx.MockTransport(answer),
    ) as org:
        yield from rows(org, "/apps")


def entra(answer: Answer) -> Iterable[Any]:
    def with_token(request: httpx.Request) -> httpx.Response:
        return (
            httpx.Response(200, json={"access_token": "t"})
            if request.method == "POST"
            else answer(request)
        )

    account = Account(
        Tenant("https://login.microsoftonline.com", "t"), "client", "a secret"
    )
    with Graph(account, httpx.MockTransport(with_token)) as graph:
        yield from graph.rows("/applications")


def kong(answer: Answer) -> Iterable[Any]:
    with AdminApi(
        KongAccount("http://kong.test"), httpx.MockTransport(answer)
    ) as admin:
        yield from admin.rows("/services")


class Answering(Realm):
    """Return a client of a realm, whose every request `answer` answers."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(
            RealmAccount("https://kc.test", "acme", "acme", "kong-oam", "s")
        )
        self._answer = answer

    def _get(self, path: str, **query: str) -> httpx.Response:
        request = httpx.Request("GET", f"https://kc.test{path}", params=query)
        answer = self._answer(request)
        answer.request = request
        return answer


def keycloak(answer: Answer) -> Iterable[Any]:
    return Answering(answer).pages("/clients")


def okta_page(number: int, following: int | None) -> httpx.Response:
    link = (
        {
            "Link": f'<https://acme.okta.com/api/v1/apps?after={following}>; rel="next"'
        }
        if following
        else {}
    )
    return httpx.Response(200, json=[{"id": number}], headers=link)


def entra_page(number: int, following: int | None) -> httpx.Response:
    link = (
        {"@odata.nextLink": f"{GRAPH}?$skiptoken={following}"}
        if following
        else {}
    )
    return httpx.Response(200, json={"value": [{"id": number}], **link})


def kong_page(number: int, following: int | None) -> httpx.Response:
    return httpx.Response(
        200,
        json={
            "data": [{"id": number}],
            "offset": f"{following}" if following else None,
        },
    )


KINDS = [(okta, okta_page), (entra, entra_page), (kong, kong_page)]


@pytest.mark.parametrize(("read", "page"), KINDS)
def test_a_list_is_read_to_its_end(read: Any, page: Any) -> None:
    """Each page names the next page."""
    pages = iter([page(1, 2), page(2, 3), page(3, None)])
    assert [row["id"] for row in read(lambda _: next(pages))] == [1, 2, 3]


@pytest.mark.parametrize(("read", "page"), KINDS)
def test_a_list_that_leads_back_is_refused(read: Any, page: Any) -> None:
    """The error comes at the first repeated page, because two pages that link to each other would
    never end."""
    pages = iter([page(1, 2), page(2, 3), page(3, 2)])
    with pytest.raises(
        (ManagementApiError, AdminError),
        match="repeats a page of a list",
    ):
        list(read(lambda _: next(pages)))


@pytest.mark.parametrize(("read", "page"), KINDS)
def test_a_list_that_does_not_end_is_refused(
    read: Any, page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each page has a new address and new contents."""
    monkeypatch.setattr(management, "_MOST_PAGES", 20)
    asked = iter(range(1, 1000))
    with pytest.raises(
        (ManagementApiError, AdminError),
        match="sends more than 20 pages of one list",
    ):
        list(read(lambda _: page(number := next(asked), number + 1)))
    assert next(asked) == 21


def test_keycloak_is_asked_by_number_until_a_page_is_not_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server that ignores the page's number returns the same page again."""
    monkeypatch.setattr("kong_oam.identity.keycloak.api._PAGE", 2)

    def answer(request: httpx.Request) -> httpx.Response:
        first = int(request.url.params["first"])
        return httpx.Response(
            200, json=[{"id": number} for number in range(5)[first : first + 2]]
        )

    assert [row["id"] for row in keycloak(answer)] == [0, 1, 2, 3, 4]
    same = httpx.Response(200, json=[{"id": 1}, {"id": 2}])
    with pytest.raises(
        ManagementApiError,
        match=r"kc\.test/admin/realms/acme/clients repeats a page",
    ):
        list(keycloak(lambda _: same))


def test_a_token_goes_to_no_other_host() -> None:
    """Okta's next page is requested from the known host, whatever host its link names. A link of
    Graph to another host is rejected."""
    hosts: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        elsewhere = {
            "Link": '<https://evil.example.com/api/v1/apps?after=1>; rel="next"'
        }
        return httpx.Response(
            200,
            json=[{"id": len(hosts)}],
            headers=elsewhere if len(hosts) == 1 else {},
        )

    assert len(list(okta(answer))) == 2
    assert hosts == ["acme.okta.com"] * 2
    for link in (
        "https://evil.example.com/v1.0/applications",
        "https://graph.microsoft.com.evil.example.com/v1.0/applications",
        "https://graph.microsoft.com@evil.example.com/v1.0/applications",
        "http://graph.microsoft.com/v1.0/applications",
    ):
        asked: list[str] = []

        def foreign(
            request: httpx.Request, link: str = link, asked: list[str] = asked
        ) -> httpx.Response:
            asked.append(request.url.host)
            return httpx.Response(
                200, json={"value": [], "@odata.nextLink": link}
            )

        with pytest.raises(
            ManagementApiError,
            match="the next page's address is at another server",
        ):
            list(entra(foreign))
        assert asked == ["graph.microsoft.com"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"value": {}},
        {"value": [], "@odata.nextLink": 7},
        {"value": ["x"]},
        [],
    ],
)
def test_an_invalid_list_of_graphs_is_rejected(body: Any) -> None:
    with pytest.raises(ManagementApiError, match="Microsoft Graph"):
        list(entra(lambda _: httpx.Response(200, json=body)))


@pytest.mark.parametrize("body", [{}, {"data": {}}, {"data": ["x"]}, []])
def test_an_invalid_list_of_kong_is_rejected(body: Any) -> None:
    with pytest.raises(AdminError, match="is this Kong's Admin API"):
        list(kong(lambda _: httpx.Response(200, json=body)))


def test_a_limit_before_kong_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: Capsys
) -> None:
    """Kong's Admin API has no rate limit, but a proxy before it may have a limit. A long limit is
    an error."""
    monkeypatch.setattr("kong_oam.http.rates.time.sleep", lambda _: None)
    answers = iter(
        [httpx.Response(429, headers={"Retry-After": "9"}), kong_page(1, None)]
    )
    assert list(kong(lambda _: next(answers))) == [{"id": 1}]
    assert capsys.readouterr().err.startswith(
        "waiting 9 s for the rate limit of kong.test"
    )
    with pytest.raises(
        AdminError,
        match=r"answers 429; a proxy in front of it limits requests \(rate limit: wait 900 s",
    ):
        list(
            kong(lambda _: httpx.Response(429, headers={"Retry-After": "900"}))
        )
