"""Callers' networks at a real gateway: connections from several addresses of this machine."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from kong_oam.kong.addresses import trusts_everybody
from sandbox.kong.client import client_address
from sandbox.kong.http import Request
from tests.support.estates import api, estate
from tests.support.gateway_cases import Case
from tests.support.gateway_estates import Scene
from tests.support.live.gateway import LiveGateway
from tests.support.live.run import (
    CASES_DOMAIN,
    RUN,
    issuers,
    stack,
    upstream_host,
)

NAME, HOST = f"{RUN}-from", f"from.{CASES_DOMAIN}"
ACCESS = """
            owner: team
            scopes: {read: r}
            rules:
              - {paths: [/one, /net, /else, /six, /two, /anywhere], methods: [GET], public: {reason: x}}
              - {paths: [/token], methods: [GET], scopes: [read]}
"""
ALLOWED = """\
        - type: ip-allow
          properties:
            from: [127.0.0.2/32]
            rules:
              - {paths: [/net], from: [127.0.0.0/8]}
              - {paths: [/else], from: [192.0.2.0/24]}
              - {paths: [/six], from: ["::/0"]}
              - {paths: [/two], from: ["2001:db8::/32", "::ffff:127.0.0.2/127"]}
              - {paths: [/anywhere], from: [0.0.0.0/0, "::/0"]}
"""
PATHS = ("/one", "/net", "/else", "/six", "/two", "/anywhere", "/token")
SOURCES = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
FORGED = (
    (),
    (("X-Real-IP", "127.0.0.2"),),
    (("X-Forwarded-For", "127.0.0.2"),),
    (("X-Real-IP", "192.0.2.7"), ("X-Forwarded-For", "192.0.2.7, 127.0.0.2")),
    (("X-Real-IP", "2001:db8::7"), ("Forwarded", "for=127.0.0.2")),
)


def _scene() -> Scene:
    text = api("from", domain=HOST, http="{/: 8080}", access=ACCESS) + ALLOWED
    return Scene(estate(text, stack=stack(NAME)), issuers(NAME))


@pytest.fixture(scope="module")
def scene(live: LiveGateway) -> Iterator[Scene]:
    """Deploy the components beside the tier's estate. A remote gateway may not see this machine's
    addresses."""
    if not ipaddress.ip_address(
        socket.gethostbyname(live.target.proxy[0])
    ).is_loopback:
        pytest.skip(
            "the gateway is not on this machine, and sees one address of it"
        )
    made = _scene()
    with live.target.deploying() as entities:
        entities.estate(
            made.estate, made.pems, upstream_host(), live.upstream.port
        )
        steady = [
            (Case("GET", HOST, b"/token"), 401),
            (Case("GET", HOST, b"/anywhere"), 200),
        ]
        live.await_steady(steady, bound=3 * entities.facts.settle + 60)
        arrived = live.send(
            Case("GET", HOST, b"/anywhere", address=SOURCES[-1])
        ).arrived
        assert arrived is not None
        if f"\r\nX-Forwarded-For: {SOURCES[-1]}\r\n".encode() not in arrived:
            pytest.skip(
                "what stands before the gateway calls it from an address of its own"
            )
        yield made


@pytest.mark.parametrize("headers", FORGED, ids=str)
@pytest.mark.parametrize("source", SOURCES)
def test_a_call_is_let_in_from_where_its_rule_says(
    live: LiveGateway,
    scene: Scene,
    source: str,
    headers: tuple[tuple[str, str], ...],
) -> None:
    """Callers' headers do not matter, unless this Kong's settings trust them."""
    configuration = live.target.get("/").json()["configuration"]
    assert not trusts_everybody(configuration)
    address = client_address(
        Request("GET", "/", 1, headers, b"", HOST, peer=source), configuration
    )
    lines = [f"{name}: {value}".encode() for name, value in headers]
    token = f"Bearer {scene.issuers['main'].service(['read'])}"
    for path in PATHS:
        for authorization in ((), (token,)):
            case = Case(
                "GET", HOST, path.encode(), authorization, address=source
            )
            meant = replace(case, address=address).meant(scene)
            got = live.send(case, *lines)
            assert (got.status, got.arrived is not None) == (
                meant.status,
                meant.allowed,
            ), (
                path,
                meant.reason,
            )
