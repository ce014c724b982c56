"""The route that takes a request: equal to recorded answers of a real Kong 3.10."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kong_oam.adopt import build
from kong_oam.adopt.entities import AdminPlace, OldKong, OldRoute
from kong_oam.adopt.fields import EntityFields
from kong_oam.adopt.path_text import normalized
from kong_oam.adopt.requests import OldRequest
from kong_oam.adopt.router import Matched, OldRouter, upstream_path
from tests.support.old_kongs import answered, old_kong
from tests.support.recordings import recorded

PORTS = {"http": 38000, "https": 38443}


def _route(fields: dict[str, Any]) -> OldRoute:
    place = AdminPlace("http://kong:8001", f"/routes/{fields['id']}")
    entity = EntityFields("route", fields, lambda _: place, [])
    return build.route(entity, fields["name"], place, None, False)


def _request(recorded_request: dict[str, Any]) -> OldRequest:
    headers = {
        name.lower(): (value,)
        for name, value in recorded_request.get("headers", {}).items()
    }
    scheme = recorded_request.get("scheme", "http")
    path = recorded_request["path"].partition("?")[0]
    return OldRequest(
        recorded_request["method"],
        recorded_request["host"],
        path,
        scheme,
        PORTS[scheme],
        headers,
    )


def test_every_recorded_request_reaches_the_recorded_route(
    report: Callable[[str], None],
) -> None:
    """Requests that Kong itself does not route in a stable way may reach any of the routes."""
    first, *lines = recorded("kong-3.10/recorded-router.jsonl")
    total = unstable = 0
    for line in lines:
        routes = [
            _route({**first["route_defaults"], **fields})
            for fields in line["routes"]
        ]
        router = OldRouter(OldKong(routes=tuple(routes)))
        for recorded_request in line.get("requests", ()):
            request = _request(recorded_request)
            matches = () if request.is_rejected else router.match(request)
            names = [match.route.name for match in matches]
            where = (line["n"], recorded_request, names)
            if recorded_request.get("unstable"):
                assert recorded_request["matched"] in names, where
                assert names[1:] == [] or matches[0].doubts, where
                unstable += 1
            else:
                assert names[:1] == [
                    n for n in [recorded_request["matched"]] if n
                ], where
                total += 1
    report(
        f"router of the old side, recorded: {total} requests equal, {unstable} in no stable order"
    )
    assert total > 13_000


def test_a_plain_path_is_a_text_prefix() -> None:
    """Kong compares texts, not elements: `/orders` takes `/orders-old`, and `/a/` not `/a`."""
    old = old_kong("routes: [{name: r, paths: [/orders, /a/]}]")
    found = {}
    for path in (
        "/orders",
        "/orders-old",
        "/order",
        "/a",
        "/a/",
        "/x/../orders",
    ):
        found[path] = answered(old, path).outcome
    assert found == {
        "/orders": "denied", "/orders-old": "denied", "/order": "not-found",
        "/a": "not-found", "/a/": "denied", "/x/../orders": "denied",
    }  # fmt: skip


def test_unknown_ids_make_a_tie_uncertain() -> None:
    """decK files have no ids, and the higher id wins: the answer is known if both are equal."""
    text = "services: [{name: a, host: a}, {name: b, host: b}]\nroutes: [{name: x, service: a, paths: [/t]}, {name: y, service: %s, paths: [/t]}]"
    assert answered(old_kong(text % "b"), "/t").outcome == "unknown"
    assert answered(old_kong(text % "a"), "/t").outcome == "passes"


def test_a_condition_that_a_request_does_not_show_makes_it_uncertain() -> None:
    """A route that asks for headers may take the request, or the next route does."""
    old = old_kong(
        "services: [{name: a, host: a}, {name: b, host: b}]\n"
        "routes: [{name: x, service: a, paths: [/t], headers: {X-V: [two]}}, {name: y, service: b, paths: [/t]}]"
    )
    answer = answered(old, "/t")
    assert [reason.text for reason in answer.reasons] == [
        "route 'x' is not certain: it asks for headers"
    ]
    assert answer.outcome == "unknown"
    assert answer.destination is not None and answer.destination.host == "b"


def test_routes_of_a_disabled_service_take_no_request() -> None:
    """Kong's router leaves them out."""
    old = old_kong(
        "services: [{name: a, host: a, enabled: false, routes: [{name: r, paths: [/t]}]}]"
    )
    assert answered(old, "/t").outcome == "not-found"


def test_an_encrypted_route_redirects_clear_requests() -> None:
    """A route of https alone answers a request over http itself."""
    old = old_kong(
        "services: [{name: a, host: a, routes: [{name: r, paths: [/t], protocols: [https]}]}]"
    )
    router = OldRouter(old)
    assert router.match(OldRequest("GET", "x", "/t", "http"))
    assert answered(old, "/t").outcome == "passes"


@pytest.mark.parametrize(
    ("strip", "declared", "service_path", "path", "expected"),
    [
        (True, "/crm", "/", "/crm", "/"),
        (True, "/crm", "", "/crm/", "/"),
        (True, "/crm", "/", "/crm/a", "/a"),
        (True, "/crm", "/base", "/crm/", "/base/"),
        (True, "/crm", "/base/", "/crm", "/base"),
        (True, "/crm", "/base/", "/crm/", "/base/"),
        (True, "/crm", "/base/", "/crm/a", "/base/a"),
        (True, "/crm", "/base", "/crm-x", "/base/-x"),
        (True, "/crm", "/base", "/crm..", "/base"),
        (True, "/crm", "/base", "/crm../a", "/base/a"),
        (False, "/crm", "/base", "/crm/a", "/base/crm/a"),
        (False, "/crm", "/base/", "/crm/a", "/base/crm/a"),
        (False, "/", "/base", "/", "/base"),
        (False, "/", "/base/", "/", "/base/"),
        (True, "~/crm/\\d+", "/base", "/crm/7/x", "/base/x"),
        (True, "/", "/base", "/a", "/base/a"),
    ],
)  # fmt: skip
def test_service_path_and_rest_are_joined(
    strip: bool, declared: str, service_path: str, path: str, expected: str
) -> None:
    """Kong joins the service's path and the rest with one slash between them."""
    fields = {"id": "1", "name": "r", "paths": [declared], "strip_path": strip}
    route = _route(fields)
    match = OldRouter(OldKong(routes=(route,))).match(
        OldRequest("GET", "h", path)
    )[0]
    assert upstream_path(match, normalized(path), service_path) == expected


def test_a_route_without_paths_strips_nothing() -> None:
    """A route by host alone matches no path text."""
    route = _route({"id": "1", "name": "r", "hosts": ["h"]})
    assert upstream_path(Matched(route, ""), "/a/b", "/base") == "/base/a/b"
