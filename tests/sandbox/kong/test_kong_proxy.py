"""The data plane: paths, routes, scopes, lags, and scripts that decide."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from test_kong_admin import ask

from sandbox.kong import Answer, Kong, Lags, uri
from tests.support.json_object import JsonObject


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def kong() -> Iterator[Kong]:
    with Kong() as running:
        ask(
            running,
            "PUT",
            "/services/api",
            {"host": "api.internal", "port": 8080},
        )
        yield running


def route(kong: Kong, name: str, **fields: Any) -> JsonObject:
    status, body = ask(
        kong,
        "PUT",
        f"/routes/{name}",
        {"service": {"name": "api"}, "strip_path": False, **fields},
    )
    assert status == 200, body
    return dict(body)


def function(kong: Kong, code: str, where: str = "services/api") -> JsonObject:
    status, body = ask(
        kong,
        "POST",
        f"/{where}/plugins",
        {"name": "post-function", "config": {"access": [code]}},
    )
    assert status == 201, body
    return dict(body)


def get(kong: Kong, target: str, *headers: str, method: str = "GET") -> Answer:
    lines = [
        f"{method} {target} HTTP/1.1",
        "Host: api.example.com",
        *headers,
        "",
        "",
    ]
    return kong.handle("\r\n".join(lines).encode("latin-1"))


def upstream_headers(answer: Answer) -> dict[str, str]:
    assert answer.upstream is not None, answer
    return {name.lower(): value for name, value in answer.upstream.headers}


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("/orders", "/orders"),
        ("//orders///7", "/orders/7"),
        ("/./orders/./7/.", "/orders/7/"),
        ("/x/../orders", "/orders"),
        ("/orders/7/..", "/orders/"),
        ("/../../orders", "/orders"),
        ("/%6frders", "/orders"),
        ("/orders%2f7", "/orders%2F7"),
        ("/orders/%2e%2e/x", "/x"),
        ("/orders/health/..%2f7", "/orders/health/..%2F7"),
        ("/a%20b%c3%bc", "/a b\u00c3\u00bc"),
        ("/%252e", "/%252e"),
    ],
)
def test_a_path_has_one_normal_form(path: str, normal: str) -> None:
    """Unreserved bytes are decoded, slashes merged, dot segments resolved; reserved bytes stay encoded."""
    assert uri.normalized(path) == normal


@pytest.mark.parametrize(
    "path",
    [
        "/%zz",
        "/a%",
        "/%00",
        "/..",
        "/a/../../b",
        "/a/%2e%2e/..%2f",
        "/a%2f../..",
    ],
)
def test_nginx_rejects_unreadable_requests(path: str) -> None:
    """Malformed encodings, zero bytes and climbing above the root are 400 before any route."""
    assert uri.refused_by_nginx(path)


def test_the_upstream_gets_the_normal_form_and_the_query_as_it_came(
    kong: Kong,
) -> None:
    """The routed path is the path that is sent."""
    route(kong, "all", paths=["/"])
    answer = get(kong, "//x/../%6frders/a%20b?q=%2F&q=//")
    assert answer.upstream is not None
    assert answer.upstream.target == "/orders/a%20b?q=%2F&q=//"


def test_a_route_level_plugin_replaces_the_services(kong: Kong) -> None:
    """Only the most specific plugin of a name runs: a stray plugin on the route turns the service's
    off."""
    route(kong, "orders", paths=["/orders"])
    function(
        kong,
        "return function() return kong.response.exit(403, {message = 'no'}) end",
    )
    assert get(kong, "/orders").status == 403
    stray = function(kong, "return", where="routes/orders")
    assert get(kong, "/orders").status == 200
    ask(kong, "PATCH", f"/plugins/{stray['id']}", {"enabled": False})
    assert get(kong, "/orders").status == 403


def test_an_exit_cannot_be_caught(kong: Kong) -> None:
    """kong.response.exit ends the request even inside pcall."""
    route(kong, "orders", paths=["/orders"])
    function(
        kong,
        "return function() pcall(kong.response.exit, 403, {message = 'no'}) end",
    )
    answer = get(kong, "/orders")
    assert (answer.status, answer.body, answer.upstream) == (
        403,
        b'{"message":"no"}',
        None,
    )


@pytest.mark.parametrize(
    "name",
    [
        "getmetatable",
        "setmetatable",
        "rawget",
        "rawset",
        "load",
        "loadstring",
        "dofile",
        "collectgarbage",
        "debug",
        "package",
        "ffi",
        "newproxy",
        "os.execute",
        "os.getenv",
        "io.open",
        "string.dump",
        "python",
    ],
)
def test_the_sandbox_has_no(kong: Kong, name: str) -> None:
    """Functions that Kong's default sandbox hides from scripts are nil."""
    route(kong, "orders", paths=["/orders"])
    function(
        kong,
        f"return function() kong.service.request.set_header('X-Type', type({name})) end",
    )
    assert upstream_headers(get(kong, "/orders"))["x-type"] == "nil"


SAYS_WHO = "kong.service.request.set_header('X-Auth-Client', 'c')"
CLEARS = f"return function() ngx.req.clear_header('Connection') {SAYS_WHO} end"
EMPTIES_THE_COPY = f"return function() ngx.req.clear_header('Connection') ngx.ctx.cached_request_headers = nil {SAYS_WHO} end"


@pytest.mark.parametrize(
    ("version", "script", "arrives"),
    [
        ("3.4.2", CLEARS, True),
        ("3.7.1", CLEARS, False),
        ("3.9.1", CLEARS, False),
        ("3.9.1", EMPTIES_THE_COPY, True),
        ("3.10.0", f"return function() {SAYS_WHO} end", False),
        ("3.10.0", CLEARS, True),
    ],
)
def test_a_client_can_name_a_header_hop_by_hop_and_so_take_it_away(
    version: str, script: str, arrives: bool
) -> None:
    """Kong deletes what Connection lists, even where a plugin set it. Kong 3.7 to 3.9 read a copy from before plugins."""
    with Kong(version=version) as kong:
        ask(
            kong, "PUT", "/services/api", {"host": "api.internal", "port": 8080}
        )
        route(kong, "orders", paths=["/orders"])
        function(kong, script)
        found = upstream_headers(
            get(kong, "/orders", "Connection: close, X-Auth-Client")
        )
        assert ("x-auth-client" in found) == arrives


def test_kong_looks_at_the_first_connection_header_alone(kong: Kong) -> None:
    """And among the first hundred headers alone."""
    route(kong, "orders", paths=["/orders"])
    assert "x-a" in upstream_headers(
        get(kong, "/orders", "X-A: 1", "Connection: close", "Connection: X-A")
    )
    assert "x-a" not in upstream_headers(
        get(kong, "/orders", "X-A: 1", "Connection: X-A", "Connection: close")
    )
    filling = [f"X-Filling-{number}: 1" for number in range(100)]
    assert "x-a" in upstream_headers(
        get(kong, "/orders", "X-A: 1", *filling, "Connection: X-A")
    )


def test_a_body_whose_length_is_named_hop_by_hop_goes_upstream_without_it(
    kong: Kong,
) -> None:
    """So the upstream takes the body for the next request."""
    route(kong, "orders", paths=["/orders"])
    raw = b"POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nConnection: %b\r\n\r\nbody"
    for listed, reaches in ((b"close", True), (b"Content-Length", False)):
        answer = kong.handle(raw % listed)
        assert answer.upstream is not None
        assert (
            answer.upstream.body,
            "content-length" in upstream_headers(answer),
        ) == (
            b"body",
            reaches,
        )


def test_routes_plugins_and_credentials_are_seen_each_with_its_own_lag() -> (
    None
):
    """A route that is seen before its plugin is open in between; the same order the other way round is not."""
    clock = Clock()
    deny = "return function() return kong.response.exit(403) end"
    with Kong(clock=clock, lags=Lags(routes=1.0, plugins=5.0)) as kong:
        ask(kong, "PUT", "/services/api", {"host": "h"})
        route(kong, "orders", paths=["/orders"])
        function(kong, deny)
        statuses = []
        for moment in (1000.5, 1001.0, 1004.9, 1005.0):
            clock.time = moment
            statuses.append(get(kong, "/orders").status)
        assert statuses == [404, 200, 200, 403]
        kong.lags = Lags(plugins=60.0)
        assert get(kong, "/orders").status == 200
        kong.lags = Lags()
        assert get(kong, "/orders").status == 403


def test_a_credential_counts_once_its_view_has_it() -> None:
    """Until then the strict plugin denies, which is the closed side."""
    clock = Clock()
    token = "eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJpc3MiOiAiaXNzLWFubiJ9.kTLlEdDi0_-f0BvPCKTAJO1G5Z0XuJANpwmYr72YdaI"
    with Kong(clock=clock, lags=Lags(credentials=5.0)) as kong:
        ask(kong, "PUT", "/services/api", {"host": "h"})
        route(kong, "orders", paths=["/orders"])
        ask(kong, "POST", "/services/api/plugins", {"name": "jwt"})
        ask(kong, "PUT", "/consumers/ann", {})
        ask(
            kong,
            "POST",
            "/consumers/ann/jwt",
            {"key": "iss-ann", "secret": "hs-secret-ann-0123456789abcdef0123"},
        )
        assert (
            get(kong, "/orders", f"Authorization: Bearer {token}").status == 401
        )
        clock.time += 5.0
        answer = get(kong, "/orders", f"Authorization: Bearer {token}")
        assert (
            answer.status,
            upstream_headers(answer)["x-consumer-username"],
        ) == (
            200,
            "ann",
        )


def test_an_anonymous_consumer_that_is_gone_is_no_way_in(kong: Kong) -> None:
    """`anonymous` finds a consumer by name or id; without one the answer is 500."""
    route(kong, "orders", paths=["/orders"])
    ask(kong, "PUT", "/consumers/guest", {})
    ask(
        kong,
        "POST",
        "/services/api/plugins",
        {"name": "jwt", "config": {"anonymous": "guest"}},
    )
    assert (
        upstream_headers(get(kong, "/orders"))["x-anonymous-consumer"] == "true"
    )
    ask(kong, "DELETE", "/consumers/guest")
    assert get(kong, "/orders").status == 500
