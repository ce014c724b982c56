"""The proxy's TLS listener: its certificates, and requests over it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from test_kong_admin import ask
from test_kong_proxy import function, route

from sandbox.kong import Kong
from sandbox.kong.pem import self_signed


@pytest.fixture
def kong() -> Iterator[Kong]:
    with Kong(proxy_tls_port=0) as running:
        ask(
            running,
            "PUT",
            "/services/api",
            {"host": "api.internal", "port": 8080},
        )
        yield running


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def show(kong: Kong, *names: str) -> str:
    """Return Kong a certificate for these SNIs."""
    certificate, key = self_signed(*names)
    status, body = ask(
        kong,
        "POST",
        "/certificates",
        {"cert": certificate, "key": key, "snis": list(names)},
    )
    assert status == 201, body
    return certificate


@contextmanager
def connected(
    kong: Kong, name: str | None, trusted: str | None = None
) -> Iterator[ssl.SSLSocket]:
    """Yield a connection for `name`; the certificate is verified if a CA is trusted."""
    context = ssl.create_default_context(cadata=trusted)
    if trusted is None:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(
            ("127.0.0.1", port_of(kong.proxy_tls_url)), timeout=5
        ) as plain,
        context.wrap_socket(plain, server_hostname=name) as secured,
    ):
        yield secured


def certificate_shown(kong: Kong, name: str | None) -> str:
    with connected(kong, name) as connection:
        der = connection.getpeercert(binary_form=True)
    assert der is not None
    return ssl.DER_cert_to_PEM_cert(der)


def get(
    kong: Kong,
    target: str,
    name: str = "api.example.com",
    trusted: str | None = None,
) -> str:
    """Return the whole answer, as text, to a request over TLS."""
    with connected(kong, name, trusted) as connection:
        connection.sendall(
            f"GET {target} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode()
        )
        return connection.makefile("rb").read().decode("latin-1")


def test_a_client_is_shown_the_certificate_of_the_name_it_asks_for(
    kong: Kong,
) -> None:
    """The exact name, else a wildcard for its first label of three or more, else a wildcard for its
    last."""
    exact, wild = show(kong, "api.example.com"), show(kong, "*.example.com")
    suffix, _ = show(kong, "api.*"), show(kong, "*.test")
    assert certificate_shown(kong, "api.example.com") == exact
    assert certificate_shown(kong, "web.example.com") == wild
    assert certificate_shown(kong, "api.test") == suffix
    default = certificate_shown(kong, "a.b.example.com")
    assert default not in (exact, wild, suffix)
    assert (
        certificate_shown(kong, "example.com")
        == certificate_shown(kong, None)
        == default
    )


def test_a_request_over_tls_is_https(kong: Kong) -> None:
    """A client that verifies the certificate is served, and plugins see the scheme and the port of the listener."""
    route(kong, "orders", paths=["/orders"], protocols=["https"])
    code = "return kong.response.exit(200, kong.request.get_scheme() .. kong.request.get_port())"
    function(kong, f"return function() {code} end")
    certificate = show(kong, "api.example.com")
    answer = get(kong, "/orders", trusted=certificate)
    assert answer.startswith("HTTP/1.1 200 OK\r\n")
    assert answer.endswith(f"\r\n\r\nhttps{port_of(kong.proxy_tls_url)}")
