"""The proxy's TLS listener: who is shown which certificate, and what is served over it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from test_kong_admin import ask
from test_kong_proxy import Clock, function, route

from sandbox.kong import Kong, Lags
from sandbox.kong.pem import self_signed


@pytest.fixture
def kong() -> Iterator[Kong]:
    with Kong(proxy_tls_port=0) as running:
        ask(running, "PUT", "/services/api", {"host": "api.internal", "port": 8080})
        yield running


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def show(kong: Kong, *names: str) -> str:
    """Gives Kong a certificate for these SNIs."""
    certificate, key = self_signed(*names)
    status, body = ask(kong, "POST", "/certificates", {"cert": certificate, "key": key, "snis": list(names)})
    assert status == 201, body
    return certificate


@contextmanager
def connected(kong: Kong, name: str | None, trusted: str | None = None) -> Iterator[ssl.SSLSocket]:
    """A connection that asks for `name`; the certificate is verified where one is trusted."""
    context = ssl.create_default_context(cadata=trusted)
    if trusted is None:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", port_of(kong.proxy_tls_url)), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=name) as secured,
    ):
        yield secured


def shown(kong: Kong, name: str | None) -> str:
    with connected(kong, name) as connection:
        der = connection.getpeercert(binary_form=True)
    assert der is not None
    return ssl.DER_cert_to_PEM_cert(der)


def get(kong: Kong, target: str, name: str = "api.example.com", trusted: str | None = None) -> str:
    """The whole answer, as text, to a request over TLS."""
    with connected(kong, name, trusted) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
        return connection.makefile("rb").read().decode("latin-1")


def get_in_clear(port: int, target: str) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\r\n".encode())
        stream = connection.makefile("rb")
        text = stream.read().decode("latin-1")
        stream.close()
    return text


def test_a_client_is_shown_the_certificate_of_the_name_it_asks_for(kong: Kong) -> None:
    """The exact name, else a wildcard for its first label of three or more, else one for its last."""
    exact, wild = show(kong, "api.example.com"), show(kong, "*.example.com")
    suffix, _ = show(kong, "api.*"), show(kong, "*.test")
    assert shown(kong, "api.example.com") == exact
    assert shown(kong, "web.example.com") == wild
    assert shown(kong, "api.test") == suffix
    default = shown(kong, "a.b.example.com")
    assert default not in (exact, wild, suffix)
    assert shown(kong, "example.com") == shown(kong, None) == default


def test_a_request_over_tls_is_https(kong: Kong) -> None:
    """A client that verifies the certificate is served, and plugins see the scheme and the port of the listener."""
    route(kong, "orders", paths=["/orders"], protocols=["https"])
    code = "return kong.response.exit(200, kong.request.get_scheme() .. kong.request.get_port())"
    function(kong, f"return function() {code} end")
    certificate = show(kong, "api.example.com")
    answer = get(kong, "/orders", trusted=certificate)
    assert answer.startswith("HTTP/1.1 200 OK\r\n")
    assert answer.endswith(f"\r\n\r\nhttps{port_of(kong.proxy_tls_url)}")


@pytest.mark.parametrize("status", [426, 301, 302, 307, 308])
def test_a_route_for_https_alone_serves_nothing_in_clear(kong: Kong, status: int) -> None:
    """The answer asks for TLS, or leads to the same path of the same host by https."""
    route(kong, "orders", paths=["/orders"], protocols=["https"], https_redirect_status_code=status)
    answer = get_in_clear(port_of(kong.proxy_url), "/orders/7?x=1")
    assert answer.startswith(f"HTTP/1.1 {status} ")
    if status == 426:
        assert "\r\nUpgrade: TLS/1.2, HTTP/1.1\r\n" in answer
    else:
        assert "\r\nLocation: https://api.example.com/orders/7?x=1\r\n" in answer


def test_certificates_are_seen_as_late_as_routes() -> None:
    """A new certificate is shown once the lag of routes has passed, a removed one for as long."""
    clock = Clock()
    with Kong(proxy_tls_port=0, lags=Lags(routes=5.0), clock=clock) as kong:
        default = shown(kong, "api.example.com")
        certificate = show(kong, "api.example.com")
        assert shown(kong, "api.example.com") == default
        clock.time += 5
        assert shown(kong, "api.example.com") == certificate
        ask(kong, "DELETE", "/certificates/api.example.com")
        assert shown(kong, "api.example.com") == certificate
        clock.time += 5
        assert shown(kong, "api.example.com") == default
