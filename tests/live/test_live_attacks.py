"""Requests that try to become two at the workload, or to remove the gate's headers, on a live Kong.

The workload counts the requests that reach it, by their bytes. It only gets whole requests that the
gateway allowed, with the identity that the gate verified.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.estates import estate
from tests.support.gateway_cases import Case
from tests.support.gateway_estates import Scene, with_callers
from tests.support.live.gateway import LiveGateway
from tests.support.live.http2 import status_over_http2
from tests.support.live.run import (
    RUN,
    bind_address,
    issuers,
    stack,
    upstream_host,
)
from tests.support.live.smuggling import attacks
from tests.support.live.smuggling_http2 import http2_attacks
from tests.support.live.wire import Wire, answers_to, content_of, statuses

NAME = f"{RUN}-wire"
DOMAIN = f"wire.{RUN}.example.com"
BOUND = "4Ki"
"""The largest body of one of the two components: before it, a plugin reads bodies that come in
chunks."""


def component(name: str, *traits: str) -> str:
    """A component with a public path and a path that requires a scope."""
    more = "".join(f"        - {trait}\n" for trait in traits)
    return f"""\
    - name: {name}
      type: webservice
      properties: {{image: x}}
      traits:
        - {{type: gateway, properties: {{domain: {name}.{DOMAIN}, http: {{/: 8080}}}}}}
{more}\
        - type: access
          properties:
            owner: o
            scopes: {{{name}.read: r}}
            rules:
              - {{paths: [/public], methods: [GET, HEAD, POST], public: {{reason: a test}}}}
              - {{paths: [/orders], methods: [GET, HEAD, POST], scopes: [{name}.read]}}
            roles: {{reader: {{scopes: [{name}.read], groups: [sales]}}}}
"""


APPLICATION = (
    "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: wire, namespace: wire}\n"
    f"spec:\n  components:\n{component('plain')}"
    f"{component('bounded', f'{{type: limits, properties: {{body: {BOUND}}}}}')}"
)


@dataclass(frozen=True, slots=True)
class SourcePosition:
    """The address and token of an attack. `identity_headers` are the headers that the workload gets
    there."""

    host: bytes
    path: bytes
    token: str | None

    @property
    def identity_headers(self) -> set[bytes]:
        scope = self.host.partition(b".")[0] + b".read"
        if self.token is None:
            return set()
        return {
            b"x-auth-client: c",
            b"x-auth-subject: c",
            b"x-auth-scopes: " + scope,
        }


@pytest.fixture(scope="module")
def wire(live: LiveGateway) -> Iterator[Wire]:
    """Yield the workload, once every worker leads there."""
    own = with_callers(estate(APPLICATION, stack=stack(NAME)))
    bind = bind_address()
    with (
        Wire(bind) as workload,
        live.target.deploying() as made,
    ):
        made.estate(
            own, Scene(own, issuers(NAME)).pems, upstream_host(), workload.port
        )
        steady = [
            Case("GET", f"{name}.{DOMAIN}", b"/public/steady")
            for name in ("plain", "bounded")
        ]
        live.await_steady(
            [(case, 200) for case in steady], 3 * made.facts.settle + 60
        )
        yield workload


def places() -> list[SourcePosition]:
    found: list[SourcePosition] = []
    for name in ("plain", "bounded"):
        host = f"{name}.{DOMAIN}".encode()
        token = issuers(NAME)["main"].service([f"{name}.read"])
        found += [
            SourcePosition(host, b"/public", None),
            SourcePosition(host, b"/orders", token),
        ]
    return found


def arrived(wire: Wire, before: int, count: int) -> list[bytes]:
    """Wait for the expected number of requests at the workload, or more, and return them."""
    until = time.monotonic() + 2
    while len(wire.requests) < before + count and time.monotonic() < until:
        time.sleep(0.01)
    return wire.requests[before:]


def check(request: bytes, position: SourcePosition, content: bytes) -> None:
    """Check that the workload received the same request that the gate judged."""
    head = request.partition(b"\r\n\r\n")[0]
    line, *headers = head.split(b"\r\n")
    assert line.split(b" ")[1] == position.path
    assert content_of(request) == content
    small = [header.lower() for header in headers]
    names = [header.partition(b":")[0] for header in small]
    assert {
        header for header in small if header.startswith(b"x-auth-")
    } == position.identity_headers
    assert len(names) == len({name.replace(b"_", b"-") for name in names}), (
        names
    )
    assert b"forged" not in head and b"evil.test" not in head


@pytest.mark.parametrize("name", attacks())
def test_no_request_hides_in_another_request(
    live: LiveGateway, wire: Wire, name: str
) -> None:
    """Every answer belongs to a request of the caller, and the gateway judged every request that
    arrives."""
    attack = attacks()[name]
    for position in places():
        authorization = (
            (f"Authorization: Bearer {position.token}".encode(),)
            if position.token
            else ()
        )
        behind = (
            b"GET /public/behind HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n"
            % position.host
        )
        before = len(wire.requests)
        answers = answers_to(
            live.target.proxy,
            attack.raw(position.path, position.host, authorization) + behind,
        )
        assert (
            tuple(statuses(answers, head=attack.method == b"HEAD"))
            == attack.statuses
        ), position
        found = arrived(wire, before, attack.statuses.count(200))
        assert len(found) == attack.statuses.count(200), position
        if attack.statuses[0] in (100, 200):
            check(found.pop(0), position, attack.content)
        assert [
            request.partition(b" HTTP/1.1\r\n")[0] for request in found
        ] == [b"GET /public/behind"] * len(found)


@pytest.mark.parametrize("name", http2_attacks())
def test_no_request_hides_in_one_over_http2(
    http2: tuple[str, int], wire: Wire, name: str
) -> None:
    """The same where the gateway rewrites the request as HTTP/1.1."""
    attack = http2_attacks()[name]
    for position in places():
        bearer = (
            ((b"authorization", f"Bearer {position.token}".encode()),)
            if position.token
            else ()
        )
        bounds = attack.bounded is not None and position.host.startswith(
            b"bounded."
        )
        meant = attack.bounded if bounds else attack.status
        before = len(wire.requests)
        headers = attack.all_headers(position.path, position.host, bearer)
        status = status_over_http2(http2, headers, attack.body, attack.trailers)
        # Older versions of nginx reset the stream of a malformed request.
        assert status == meant or (status, meant) == (None, 400), position
        found = arrived(wire, before, int(meant == 200))
        assert len(found) == (meant == 200), position
        for request in found:
            check(request, position, attack.content)
