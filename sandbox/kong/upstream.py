"""Send a request upstream, and turn failures of the upstream into Kong's answers.

Source: recorded answers of a Kong 3.10 (step upstream-errors). Seen on a Kong 3.10, with a workload
that speaks TLS and a script that sets its address and the Host header:

* For a service with protocol https, SNI is the Host header without its port. With `tls_verify`
  true, the certificate must have this name. With false or null, any certificate passes.
* A certificate of another CA or with another name, no `ca_certificates`, or only unknown ids: 502.
* `client_certificate` is shown to a workload that asks for it; a workload that requires it and gets
  none: 502.

Not modelled: `tls_verify_depth`, names outside of subjectAltName, connections that are kept,
attempts after the first.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from kong_rules.entities import Snapshot
from sandbox.kong.entities import Service
from sandbox.kong.http import Header, Response
from sandbox.kong.pem import load_pair

Resolve = Callable[[str, int], tuple[str, int] | None]


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """A request as it leaves Kong: `target` is path and query, `host` and `port` its address."""

    method: str
    target: str
    headers: tuple[Header, ...]
    body: bytes
    host: str
    port: int


class UpstreamError(Exception):
    """No answer from the upstream: the status for the client, and whether the request may have
    reached it."""

    def __init__(self, status: int, *, sent: bool = False) -> None:
        super().__init__(status)
        self.status = status
        self.sent = sent


class NameResolutionError(UpstreamError):
    """The upstream's name does not resolve; nothing was sent."""

    def __init__(self) -> None:
        super().__init__(503)


def resolve_by_name(host: str, port: int) -> tuple[str, int] | None:
    """Return an upstream's address by the system's resolver; None if the name is unknown."""
    if not host:
        return None
    try:
        addresses = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM
        )
    except (
        OSError,
        ValueError,
    ):  # a text that cannot be a host name is a ValueError
        return None
    return str(addresses[0][4][0]), port


def speaking(service: Service, snapshot: Snapshot) -> ssl.SSLContext | None:
    """Return the TLS context for a service, from its entities; None for plain HTTP."""
    if service["protocol"] != "https":
        return None
    known = snapshot.tables["ca_certificates"]
    mine = snapshot.tables["certificates"]
    trusted = [
        known[key]["cert"]
        for key in service["ca_certificates"] or ()
        if key in known
    ]
    shown = mine.get((service["client_certificate"] or {}).get("id", ""))
    pair = (shown["cert"], shown["key"]) if shown else None
    return _context(
        "\n".join(trusted), pair, verifying=service["tls_verify"] is True
    )


@lru_cache(maxsize=64)
def _context(
    trusted: str, shown: tuple[str, str] | None, *, verifying: bool
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = verifying
    context.verify_mode = ssl.CERT_REQUIRED if verifying else ssl.CERT_NONE
    if trusted:
        context.load_verify_locations(cadata=trusted)
    if shown:
        load_pair(context, *shown)
    return context


def send(
    request: UpstreamRequest,
    service: Service,
    resolve: Resolve,
    tls: ssl.SSLContext | None = None,
) -> Response:
    """Return the upstream's answer. Raises NameResolutionError: no such name; UpstreamError: 502 no
    valid answer, 504 too late."""
    address = resolve(request.host, request.port)
    if address is None:
        raise NameResolutionError
    if service["protocol"] != "http" and tls is None:
        raise UpstreamError(502)  # never send plain text when TLS is required
    sent = False
    connection = http.client.HTTPConnection(
        *address, timeout=service["connect_timeout"] / 1000
    )
    try:
        connection.connect()
        if tls:
            connection.sock = tls.wrap_socket(
                connection.sock, server_hostname=_name(request)
            )
        sent = True
        connection.sock.settimeout(service["read_timeout"] / 1000)
        connection.putrequest(
            request.method,
            request.target,
            skip_host=True,
            skip_accept_encoding=True,
        )
        for name, value in request.headers:
            connection.putheader(name, value.encode("latin-1"))
        connection.endheaders(request.body or None)
        answer = connection.getresponse()
        body = answer.read()
    except TimeoutError as error:
        raise UpstreamError(504, sent=sent) from error
    except http.client.IncompleteRead as error:
        body = error.partial
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise UpstreamError(502, sent=sent) from error
    finally:
        connection.close()
    return Response(answer.status, tuple(answer.headers.raw_items()), body)


def _name(request: UpstreamRequest) -> str:
    host = next(value for name, value in request.headers if name == "Host")
    return host if host.endswith("]") else host.rpartition(":")[0] or host


def accept_all(_: UpstreamRequest, __: Service) -> Response:
    """Return an upstream that always answers 200, for requests that are handled in process."""
    return Response(200, (("Content-Type", "application/json"),), b"{}")
