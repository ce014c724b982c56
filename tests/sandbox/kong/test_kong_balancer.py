"""The balancer's choice of an address after the plugins: the answers are a real Kong 3.10's.

Two details are the stand-in's own: the exact rotation of Targets, and the lag of Upstreams. A real
Kong shuffles: 5 to 3 of 8 requests for weights of 100 and 50.
"""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from test_kong_admin import ask

from sandbox.kong import Kong
from sandbox.kong.http import InvalidRequestError, Request, Response, Server

NO_PEER = '{\n  "message":"failure to get a peer from the ring-balancer",\n  "request_id":"<id>"\n}'
NO_NAME = '{\n  "message":"name resolution failed",\n  "request_id":"<id>"\n}'
UNEXPECTED = (
    '{\n  "message":"An unexpected error occurred",\n  "request_id":"<id>"\n}'
)
NGINX_502 = "An invalid response was received from the upstream server\nrequest_id: <id>\n"


@dataclass
class Got:
    """An answer; `body` with its request id masked."""

    status: int
    body: str
    headers: dict[str, str]

    @property
    def seen(self) -> tuple[int, str, str]:
        """Return the port of the connection, and the target and the Host header of the request."""
        assert self.status == 200, self
        echoed = json.loads(self.body)
        return echoed["port"], echoed["target"], echoed["host"]


def echo(port: int) -> Server:
    """Yield a service that echoes requests, and reports `port` as its own."""

    def answer(request: Request | InvalidRequestError) -> Response:
        assert isinstance(request, Request)
        fields = {
            "port": port,
            "target": request.target,
            "host": request.header("host"),
        }
        return Response(
            200,
            (("Content-Type", "application/json"),),
            json.dumps(fields).encode(),
        )

    return Server(0, answer)


@pytest.fixture(scope="module")
def services() -> Iterator[dict[int, int]]:
    """Two services on the ports that the recorded requests named, and where they are here."""
    servers = {28091: echo(28091), 28092: echo(28092)}
    try:
        yield {port: server.port for port, server in servers.items()}
    finally:
        for server in servers.values():
            server.stop()


@pytest.fixture
def kong(services: dict[int, int]) -> Iterator[Kong]:
    """A Kong with an Upstream without Targets, a Service of its name, one at an address and one at a name."""

    def resolve(host: str, port: int) -> tuple[str, int] | None:
        return (
            ("127.0.0.1", services.get(port, port))
            if host in ("127.0.0.1", "localhost")
            else None
        )

    with Kong(resolve=resolve) as running:
        ask(running, "PUT", "/upstreams/orders.cases", {})
        ask(
            running, "PUT", "/services/api", {"host": "orders.cases", "port": 1}
        )
        ask(
            running, "PUT", "/services/ip", {"host": "127.0.0.1", "port": 28091}
        )
        ask(
            running,
            "PUT",
            "/services/named",
            {"host": "localhost", "port": 28092},
        )
        yield running


def route(
    kong: Kong,
    code: str = "",
    service: str = "api",
    plugin: str = "post-function",
    **fields: Any,
) -> None:
    """The route /r to a service, with a function in the access phase."""
    body = {
        "service": {"name": service},
        "paths": ["/r"],
        "strip_path": False,
        **fields,
    }
    assert ask(kong, "PUT", "/routes/r", body)[0] == 200
    if code:
        config = {"access": [f"return function() {code} end"]}
        status, answer = ask(
            kong,
            "POST",
            "/routes/r/plugins",
            {"name": plugin, "config": config},
        )
        assert status == 201, answer


def target(kong: Kong, address: str, weight: int = 100) -> None:
    status, answer = ask(
        kong,
        "POST",
        "/upstreams/orders.cases/targets",
        {"target": address, "weight": weight},
    )
    assert status == 201, answer


def get(kong: Kong, accept: str | None = None) -> Got:
    connection = http.client.HTTPConnection(
        kong.proxy_url.removeprefix("http://"), timeout=10
    )
    try:
        headers = {"Host": "api.example.com"} | (
            {"Accept": accept} if accept else {}
        )
        connection.request("GET", "/r/x?q=1", headers=headers)
        answer = connection.getresponse()
        text = re.sub(r"\b[0-9a-f]{32}\b", "<id>", answer.read().decode())
        return Got(
            answer.status,
            text,
            {name.lower(): value for name, value in answer.getheaders()},
        )
    finally:
        connection.close()


@pytest.mark.parametrize("port", [1, 80, 28091])
def test_an_upstream_without_targets_is_unavailable(
    kong: Kong, port: int
) -> None:
    """Kong answers itself, with any port of the Service, and the answer has no latency of the
    upstream."""
    ask(kong, "PATCH", "/services/api", {"port": port})
    route(kong)
    reply = get(kong)
    assert (reply.status, reply.body) == (503, NO_PEER)
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    assert reply.headers["server"] == "kong/3.10.0"
    assert {"via", "x-kong-upstream-latency"}.isdisjoint(reply.headers)
    assert {"x-kong-response-latency", "x-kong-request-id"} <= set(
        reply.headers
    )


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ("kong.service.set_target('127.0.0.1', 28091)", (28091, "127.0.0.1")),
        ("kong.service.set_target('localhost', 28091)", (28091, "localhost")),
        (
            "kong.service.set_target('127.0.0.1', 28091) kong.service.request.set_header('Host', 'x.example.com:99')",
            (28091, "x.example.com:99"),
        ),
        (
            "kong.service.request.set_header('Host', 'x.example.com') kong.service.set_target('127.0.0.1', 28091)",
            (28091, "127.0.0.1"),
        ),
        (
            "kong.service.set_target('127.0.0.1', 28091) kong.service.set_target('localhost', 28092)",
            (28092, "localhost"),
        ),
    ],
)
def test_a_function_chooses_where_the_request_goes(
    kong: Kong, code: str, seen: tuple[int, str]
) -> None:
    """The Host header is the chosen host without its port, unless one is set after it; the last call wins."""
    route(kong, code)
    port, host = seen
    assert get(kong).seen == (port, "/r/x?q=1", host)


@pytest.mark.parametrize("plugin", ["pre-function", "post-function"])
def test_a_chosen_host_goes_before_the_clients(kong: Kong, plugin: str) -> None:
    """`preserve_host` or not, before or after the other plugins."""
    route(
        kong,
        "kong.service.set_target('127.0.0.1', 28091)",
        plugin=plugin,
        preserve_host=True,
    )
    assert get(kong).seen == (28091, "/r/x?q=1", "127.0.0.1")


@pytest.mark.parametrize(
    ("arguments", "status", "body"),
    [
        ("'', 28091", 503, NO_NAME),
        ("'a:80', 28091", 503, NO_NAME),
        ("'localhost:28092', 28091", 503, NO_NAME),
        ("'a b', 28091", 503, NO_NAME),
        ("'no-such-name.invalid', 28091", 503, NO_NAME),
        ("'orders.cases', 28091", 503, NO_PEER),
        ("'127.0.0.1', 0", 502, NGINX_502),
        ("'127.0.0.1', 1", 502, NGINX_502),
        ("'127.0.0.1', '28091'", 500, UNEXPECTED),
        ("'127.0.0.1', 1.5", 500, UNEXPECTED),
        ("'127.0.0.1', 0/0", 500, UNEXPECTED),
        ("'127.0.0.1'", 500, UNEXPECTED),
        ("'127.0.0.1', 70000", 500, UNEXPECTED),
        ("'127.0.0.1', -1", 500, UNEXPECTED),
        ("nil, 28091", 500, UNEXPECTED),
        ("7, 28091", 500, UNEXPECTED),
    ],
)
def test_an_unreachable_target_has_a_specific_answer(
    kong: Kong, arguments: str, status: int, body: str
) -> None:
    """Only the types and the range of the port are checked; DNS resolves the host."""
    route(kong, f"kong.service.set_target({arguments})")
    reply = get(kong)
    assert (reply.status, reply.body) == (status, body)
