"""The calls that remove old routes: their order opens nothing, and they name no credential."""

from __future__ import annotations

import copy
import re
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_oam.adopt.coverage import Exposed
from kong_oam.adopt.entities import OldKong
from kong_oam.adopt.requests import OldRequest
from kong_oam.adopt.retire import Retirement, retirement
from kong_oam.adopt.retire_calls import script
from kong_oam.adopt.router import OldRouter
from tests.support.estates import exposing
from tests.support.retired_kongs import is_ours, old_kong

HOST = "a.x.com"
SERVICES = {
    "orders": {
        "plugins": [{"name": "key-auth"}],
        "orders": {"paths": ["/orders"], "plugins": [{"name": "acl", "config": {"allow": ["sales"]}}]},
        "admin": {"paths": ["/orders/admin"], "plugins": [{"name": "acl", "config": {"allow": ["admin"]}}]},
    },
    "site": {"site": {"paths": ["/"]}},
}  # fmt: skip


def plan_of(old: OldKong, *paths: str) -> Retirement:
    made = exposing(*((HOST, path) for path in paths))
    return retirement(old, "tests", Exposed(made), {})


def test_routes_close_first_and_services_go_last() -> None:
    old = old_kong(
        {"orders": SERVICES["orders"]},
        upstreams=[{"name": "orders.internal"}],
        consumers=[{"username": "robot 1"}],
    )
    curl = 'curl -fsS -o /dev/null -H "Kong-Admin-Token: $KONG_ADMIN_TOKEN"'
    patch = f"""{curl} -X PATCH -H "Content-Type: application/json" -d '{{"service":null}}'"""
    lines = list(script(plan_of(old, "/orders"), 12.0, "team"))
    assert [line for line in lines if not line.startswith("#")] == [
        "set -e",
        f'{patch} "$KONG_ADMIN_ADDR"/team/routes/orders',
        f'{patch} "$KONG_ADMIN_ADDR"/team/routes/admin',
        "sleep 12",
        f'{curl} -X DELETE "$KONG_ADMIN_ADDR"/team/routes/orders',
        f'{curl} -X DELETE "$KONG_ADMIN_ADDR"/team/routes/admin',
        "sleep 12",
        f'{curl} -X DELETE "$KONG_ADMIN_ADDR"/team/services/orders',
        f'{curl} -X DELETE "$KONG_ADMIN_ADDR"/team/upstreams/orders.internal',
        f'{curl} -X DELETE "$KONG_ADMIN_ADDR"/team/consumers/robot%201',
    ]


def test_nothing_to_remove_is_an_empty_script() -> None:
    assert list(script(plan_of(old_kong(SERVICES), "/other"), 12.0)) == []


@pytest.mark.parametrize("name", ["a'; rm -rf /", "$(id)", "a b", "a/../b"])
def test_a_name_never_runs_as_a_command(name: str) -> None:
    old = old_kong({"old": {name: {"paths": ["/a/"]}}})
    (line, *_) = [
        line for line in script(plan_of(old, "/a"), 1.0) if "DELETE" in line
    ]
    target = line.partition('"$KONG_ADMIN_ADDR"')[2]
    assert re.fullmatch(r"/routes/[A-Za-z0-9%._-]+", target)


Guards = frozenset[str]


def states(old: OldKong, lines: list[str]) -> list[list[OldKong]]:
    """Return the states between two waits, for each part of a script. A worker may use the routes
    of one state and the plugins of another state of the same part."""
    parts = [[old]]
    for line in lines:
        if line.startswith("sleep"):
            parts.append([parts[-1][-1]])
            continue
        call = re.search(r"-X (PATCH|DELETE) .*?/(\w+)/([^/]+)$", line)
        if call:
            parts[-1].append(_changed(parts[-1][-1], *call.groups()))
    return parts


def _changed(old: OldKong, method: str, kind: str, name: str) -> OldKong:
    if kind == "routes" and method == "PATCH":
        routes = tuple(
            replace(route, service=None) if route.name == name else route
            for route in old.routes
        )
        return replace(old, routes=routes)
    if kind == "routes":
        routes = tuple(route for route in old.routes if route.name != name)
        plugins = tuple(p for p in old.plugins if p.route != name)
        return replace(old, routes=routes, plugins=plugins)
    if kind == "services":
        used = [route.service and route.service.name for route in old.routes]
        assert name not in used, "Kong keeps a service with routes"
        plugins = tuple(p for p in old.plugins if p.service != name)
        return replace(old, plugins=plugins)
    return old


class Side:
    """A state of Kong, as its workers see its routes or its plugins."""

    def __init__(self, old: OldKong) -> None:
        self.old = old
        self.router = OldRouter(old)

    def guards(self, plugins: OldKong, request: OldRequest) -> Guards | None:
        """Return the plugins that guard a request to a service; None without a
        service."""
        matches = self.router.match(request)
        route = matches[0].route if matches else None
        if route is None or route.service is None:
            return None
        return frozenset(
            f"{plugin.name} {plugin.config}"
            for plugin in plugins.plugins
            if plugin.route == route.name
            or (plugin.service == route.service.name and not plugin.route)
        )


REQUESTS = [
    OldRequest(method, host, path)
    for method in ("GET", "PURGE")
    for host in (HOST, "other.com")
    for path in ("/", "/orders", "/ordersX", "/orders/admin", "/orders/7")
]


def assert_nothing_opens(old: OldKong, *paths: str) -> None:
    """Check each request that no Application takes, at each moment of the script."""
    lines = list(script(plan_of(old, *paths), 1.0))
    made = exposing(*((HOST, path) for path in paths))
    before = Side(old)
    others = [
        (request, before.guards(old, request))
        for request in REQUESTS
        if not is_ours(made, request)
    ]
    for part in states(old, lines):
        for routes in map(Side, part):
            for plugins, (request, was) in product(part, others):
                guards = routes.guards(plugins, request)
                assert guards is None or guards == was


@pytest.mark.parametrize("paths", [("/", "/orders"), ("/orders",), ("/",)])
def test_no_moment_of_the_script_opens_a_request(
    paths: tuple[str, ...],
) -> None:
    """Whether a worker first knows the changed routes or the changed plugins."""
    old = old_kong(copy.deepcopy(SERVICES))
    assert_nothing_opens(old, *paths)


PLUGINS = st.lists(
    st.sampled_from(({"name": "key-auth"}, {"name": "jwt"})),
    max_size=2,
    unique_by=str,
)
ROUTE = st.fixed_dictionaries(
    {
        "paths": st.sampled_from((["/"], ["/orders"], ["/orders/"], ["/orders/admin"])),
        "hosts": st.sampled_from(([], [HOST])),
        "methods": st.sampled_from(([], ["GET"])),
        "plugins": PLUGINS,
    }
)  # fmt: skip


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(ROUTE, ROUTE, PLUGINS), min_size=1, max_size=2))
def test_no_script_opens_a_request(
    services: list[tuple[dict[str, Any], dict[str, Any], Any]],
) -> None:
    named = {
        f"s{index}": {
            f"s{index}a": first,
            f"s{index}b": second,
            "plugins": plugins,
        }
        for index, (first, second, plugins) in enumerate(services)
    }
    old = old_kong(named)
    for paths in (("/",), ("/orders",)):
        assert_nothing_opens(old, *paths)
