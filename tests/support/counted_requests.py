"""Count the requests of a run to providers and Kong before its first change, for estates of any
size. Okta and Entra have stand-ins; Keycloak and Kong have minimal servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from kong_oam.access.model import Estate
from kong_oam.engine.configuration import Configuration
from kong_oam.engine.state import ROUTE, RecordedNames, Resource
from kong_oam.identity.keycloak.api import Account, Realm
from kong_oam.identity.keycloak.conflicts import name_conflicts
from kong_oam.identity.keycloak.preflight import group_ids
from kong_oam.identity.kinds import inspect
from kong_oam.kong import conflicts
from kong_oam.kong.account import Account as KongAccount
from kong_oam.kong.admin import AdminApi
from kong_oam.kong.host_conflicts import host_conflicts
from kong_oam.kong.routes import routes
from sandbox.entra import Entra
from sandbox.okta import Okta
from tests.support import growing_estates as growing
from tests.support.json_object import JsonObject
from tests.support.provider_settings import stack

NOTHING: RecordedNames = frozenset()

Count = Callable[[RecordedNames, bool], int]
"""The number of requests with such a state, in the estate with or without an additional
Application."""


def inspect_products(
    values: dict[str, str],
    kind: str,
    count: int,
    held: RecordedNames,
    more: bool,
    **provider: Any,
) -> None:
    """Inspect the products; `provider` are more settings of the provider. A warning of many groups
    may occur."""
    settings = stack({**growing.PROVIDERS[kind], **provider})
    estate = growing.applications(count, kind, one_more=more)
    found = inspect(
        settings.providers[0], estate, held, {}, Configuration(values.get)
    )
    assert not [
        finding for finding in found.findings if finding.severity == "error"
    ]


@contextmanager
def org(
    count: int, page: int | None = None, *, filled: bool = True
) -> Iterator[Count]:
    """Return an org with at most `page` objects in an answer."""
    with Okta(api_token="t", groups=growing.group_names(count)) as okta:
        if filled:
            growing.fill_org(okta, count)
        okta.page = page
        heard: list[str] = []
        okta.heard = lambda _, target, __: heard.append(target)
        values = {
            "okta:orgName": "acme",
            "okta:apiToken": "t",
            "okta:httpProxy": okta.url,
        }

        def requests(held: RecordedNames, more: bool) -> int:
            heard.clear()
            inspect_products(values, "okta", count, held, more)
            return len(heard)

        yield requests


@contextmanager
def tenant(
    count: int, page: int | None = None, *, filled: bool = True
) -> Iterator[Count]:
    """A tenant whose answers have at most `page` objects. The login is an additional request, which
    is not counted."""
    with Entra(growing.group_names(count), page=page) as entra:
        if filled:
            growing.fill_tenant(entra, count)
        account = entra.environment
        values = {
            "azuread:clientId": account["ARM_CLIENT_ID"],
            "azuread:clientSecret": account["ARM_CLIENT_SECRET"],
        }

        def requests(held: RecordedNames, more: bool) -> int:
            entra.requests.clear()
            inspect_products(
                values, "entra", count, held, more, issuer=entra.issuer
            )
            return len(entra.requests)

        yield requests


class Counted(Realm):
    """A realm with groups and clients; pages have at most `page` objects."""

    def __init__(self, groups: list[str], clients: list[str]) -> None:
        super().__init__(
            Account("https://kc.test", "acme", "acme", "kong-oam", "s")
        )
        self.lists: dict[str, list[JsonObject]] = {
            "/groups": [
                {"id": f"id of {name}", "path": f"/{name}"} for name in groups
            ],
            "/clients": [
                {"id": f"id of {name}", "clientId": name} for name in clients
            ],
            "/client-scopes": [],
            "/roles": [],
        }
        self.count = 0

    def _get(self, path: str, **query: str) -> httpx.Response:
        self.count += 1
        request = httpx.Request("GET", f"https://kc.test{path}")
        if path not in self.lists:
            return httpx.Response(
                404, json={"error": "nothing"}, request=request
            )
        rows, name = self.lists[path], query.get("clientId")
        if name is not None:
            rows = [
                row
                for row in rows
                if (
                    name in row["clientId"]
                    if "search" in query
                    else name == row["clientId"]
                )
            ]
        first = int(query.get("first", "0"))
        return httpx.Response(
            200,
            json=rows[first : first + int(query.get("max", "9999"))],
            request=request,
        )


@contextmanager
def realm(
    count: int, page: int | None = None, *, filled: bool = True
) -> Iterator[Count]:
    """A realm. The program's queries limit the objects of an answer. Logins are not counted."""
    clients = [
        f"kong-oam.tests.app{n}.{name}"
        for n in range(1, count + 1)
        for name in ("job", "web")
    ]
    settings = stack(growing.PROVIDERS["keycloak"])

    def requests(held: RecordedNames, more: bool) -> int:
        made = Counted(growing.group_names(count), clients if filled else [])
        estate = growing.applications(count, "keycloak", one_more=more)
        group_ids(made, settings.providers[0], estate)
        assert [
            *name_conflicts(made, settings.providers[0], estate, held)
        ] == []
        return made.count

    yield requests


def _routes(estate: Estate, held: RecordedNames) -> Iterator[Resource]:
    """Yield the routes in the state, as a run writes them."""
    for component in estate.exposed:
        for plan in routes(component):
            logical = f"{component.key}-{plan.role}-{plan.backend}"
            if (ROUTE, logical) in held:
                yield Resource(
                    ROUTE,
                    logical,
                    {"hosts": plan.hosts, "paths": plan.kong_paths},
                )


@contextmanager
def kong(
    count: int, page: int | None = None, *, filled: bool = True
) -> Iterator[Count]:
    """A Kong with two services and two routes of each Application. Requests for its version and
    schemas are not counted."""
    there = [
        {"id": f"{number}", "name": f"one-{number}"}
        for number in range(2 * count if filled else 0)
    ]
    heard: list[str] = []
    size = page or 1000

    def answer(request: httpx.Request) -> httpx.Response:
        heard.append(request.url.path)
        _, kind, *name = request.url.path.split("/")
        if name:
            return httpx.Response(404, json={"message": "Not found"})
        first, rows = (
            int(request.url.params.get("offset", "0")),
            there if kind in ("services", "routes") else [],
        )
        following = first + size if first + size < len(rows) else None
        return httpx.Response(
            200, json={"data": rows[first : first + size], "offset": following}
        )

    def requests(held: RecordedNames, more: bool) -> int:
        heard.clear()
        with AdminApi(
            KongAccount("http://kong.test"), httpx.MockTransport(answer)
        ) as admin:
            estate = growing.applications(count, "okta", one_more=more)
            assert [*conflicts.name_conflicts(admin, estate, held)] == []
            assert [*host_conflicts(admin, estate, _routes(estate, held))] == []
        return len(heard)

    yield requests
