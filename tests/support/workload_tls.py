"""Workloads that speak TLS, with certificates made here, and an estate whose gateway speaks TLS to
them."""

from __future__ import annotations

import datetime
import json
import ssl
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    load_pem_private_key,
)

from kong_oam.access.settings.upstream_tls import UpstreamTlsSettings
from sandbox.kong.pem import load_pair
from tests.support.local_servers import Listening
from tests.support.partner_keys import private_pem


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, in PEM."""

    certificate: str
    key: str

    @property
    def fingerprint(self) -> str:
        return (
            x509.load_pem_x509_certificate(self.certificate.encode())
            .fingerprint(hashes.SHA256())
            .hex()
        )


def authority(name: str) -> Pair:
    """Return a new CA."""
    return _made(
        name, None, x509.BasicConstraints(ca=True, path_length=None), 30
    )


def signed(by: Pair, *names: str, days: int = 30) -> Pair:
    """Return a certificate for these DNS names or addresses, which ends in so many days."""
    return _made(
        names[0],
        by,
        x509.SubjectAlternativeName([*map(_general_name, names)]),
        days,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _made(
    name: str, by: Pair | None, extension: x509.ExtensionType, days: int
) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    signer = (
        x509.load_pem_x509_certificate(by.certificate.encode()).subject
        if by
        else subject
    )
    signing: Any = load_pem_private_key(by.key.encode(), None) if by else key
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=60))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(extension, critical=False)
        .sign(signing, hashes.SHA256())
    )
    private = private_pem(key)
    return Pair(made.public_bytes(Encoding.PEM).decode(), private)


def settings(
    *authorities: Pair, client: str | None = None
) -> UpstreamTlsSettings:
    """Return a stack's settings that trust these CAs."""
    return UpstreamTlsSettings(
        tuple(sorted(pair.fingerprint for pair in authorities)),
        client_certificate=client,
    )


class Workload(Listening):
    """Answers over TLS, with a certificate, and returns the caller as JSON: {"host", "public",
    "asked", "client"}. With `callers` it rejects clients without a certificate of that CA. A
    context manager."""

    def __init__(
        self, shown: Pair, callers: Pair | None = None, bind: str = "127.0.0.1"
    ) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        load_pair(context, shown.certificate, shown.key)
        if callers:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=callers.certificate)
        context.sslsocket_class = _Connection
        context.sni_callback = _note
        self._answering = _Server((bind, 0), _Handler)
        self._answering.context = context
        super().__init__(self._answering)

    @property
    def answered(self) -> int:
        """The number of requests that reached the workload."""
        return self._answering.answered


class _Connection(ssl.SSLSocket):
    asked: str | None = None


def _note(connection: Any, name: str | None, _: ssl.SSLContext) -> None:
    connection.asked = name


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    context: ssl.SSLContext
    answered = 0

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(10)
        try:
            with self.context.wrap_socket(
                request, server_side=True
            ) as connection:
                super().finish_request(connection, client_address)
        except OSError:
            return  # a client that stops, or that is rejected


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.answered += 1  # type: ignore[attr-defined]
        if self.headers["Upgrade"]:
            self._echo()
            return
        client: Any = self.connection.getpeercert()
        seen = {
            "host": self.headers["Host"],
            "public": self.headers["X-Forwarded-Host"],
            "asked": self.connection.asked,
            "client": dict(part[0] for part in client["subject"])["commonName"]
            if client
            else None,
        }
        data = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)
        self.close_connection = True

    def _echo(self) -> None:
        """Switch the connection to another protocol: echo the first bytes."""
        self.send_response_only(101)
        self.send_header("Upgrade", self.headers["Upgrade"])
        self.send_header("Connection", "Upgrade")
        self.end_headers()
        self.wfile.write(self.connection.recv(1024))
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        """Log no request."""
