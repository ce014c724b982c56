"""Connections that switch to another protocol, which the stand-in for Kong does not support."""

from __future__ import annotations

import socket

from tests.support.live.gateway import LiveGateway
from tests.support.live.run import RUN, stack, upstream_host
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
