"""Connections that switch to another protocol, which the stand-in for Kong does not support."""

from __future__ import annotations

import socket

from tests.support.estates import api, estate
from tests.support.gateway_cases import Case
from tests.support.gateway_estates import Scene
from tests.support.live.forward import Workload as Switching
from tests.support.live.gateway import LiveGateway
from tests.support.live.run import RUN, issuers, stack, upstream_host
from tests.support.live.upstream_tls import tls_gateway
from tests.support.workload_tls import Workload, signed


def test_a_websocket_goes_by_tls(live: LiveGateway) -> None:
    """Data after the gateway has allowed the connection reaches the workload, and returns."""
    target = live.target
    proxy = f"http://{target.proxy[0]}:{target.proxy[1]}"
    domain, host = f"ws.{RUN}.example.com", upstream_host()
    bind = "127.0.0.1" if host == "127.0.0.1" else "0.0.0.0"
    with (
        tls_gateway(
            target.admin_url,
            target.token,
            proxy,
            stack(f"{RUN}-ws"),
            domain,
            host,
            bound=60,
        ) as gateway,
        Workload(signed(gateway.ca, "right.shop.svc"), bind=bind) as workload,
    ):
        gateway.serve("right", workload)
        gateway.expect("right", 200)
        with socket.create_connection(target.proxy, timeout=15) as connection:
            upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n"
            connection.sendall(
                f"GET / HTTP/1.1\r\nHost: right.{domain}\r\n{upgrade}\r\n".encode()
            )
            assert connection.recv(4096).startswith(b"HTTP/1.1 101 ")
            connection.sendall(b"said")
            assert connection.recv(4096) == b"said"


def test_a_websocket_has_the_path_at_the_workload(live: LiveGateway) -> None:
    """The gate replaces `/ws` by `/socket`, and data goes both ways."""
    name, host = f"{RUN}-socket", f"socket.{RUN}.example.com"
    access = (
        "{owner: t, forward: {/ws: /socket}, rules: [{public: {reason: x}}]}"
    )
    text = api("socket", domain=host, http="{/: 80}", access=access)
    scene = Scene(estate(text, stack=stack(name)), issuers(name))
    with Switching() as behind, live.target.deploying() as entities:
        entities.estate(scene.estate, scene.pems, upstream_host(), behind.port)
        steady = [(Case("GET", host, b"/steady"), 200)]
        live.await_steady(steady, 3 * entities.facts.settle + 60)
        with socket.create_connection(
            live.target.proxy, timeout=15
        ) as connection:
            upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n"
            connection.sendall(
                f"GET /ws/chat?a=1 HTTP/1.1\r\nHost: {host}\r\n{upgrade}\r\n".encode()
            )
            assert connection.recv(4096).startswith(b"HTTP/1.1 101 ")
            connection.sendall(b"said")
            assert connection.recv(4096) == b"said"
        assert behind.targets[-1] == b"/socket/chat?a=1"
