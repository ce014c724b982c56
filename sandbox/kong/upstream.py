"""Sending a request upstream, and what Kong makes of an upstream that fails.

Source: recorded answers of a Kong 3.10 (step upstream-errors). TLS to upstreams is not modelled.
"""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.kong.http import Header, Response
from sandbox.kong.store import Entity

Resolve = Callable[[str, int], tuple[str, int] | None]


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """A request as it leaves Kong: `target` is path and query, `host` and `port` where it goes to."""

    method: str
    target: str
    headers: tuple[Header, ...]
    body: bytes
    host: str
    port: int


class UpstreamError(Exception):
    """No answer from the upstream: the status for the client."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class UnresolvedError(UpstreamError):
    """The upstream's name leads nowhere; nothing was sent."""

    def __init__(self) -> None:
        super().__init__(503)


def resolve_by_name(host: str, port: int) -> tuple[str, int] | None:
    """An upstream's address by the system's own resolver; None where the name does not exist."""
    if not host:
        return None
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, ValueError):  # what cannot be a name at all is a ValueError
        return None
    return str(found[0][4][0]), port


def send(request: UpstreamRequest, service: Entity, resolve: Resolve) -> Response:
    """The upstream's answer. Raises UnresolvedError: no such name; UpstreamError: 502 no valid answer, 504 too late."""
    address = resolve(request.host, request.port)
    if address is None:
        raise UnresolvedError
    if service["protocol"] != "http":
        raise UpstreamError(502)  # never in clear what should be encrypted
    connection = http.client.HTTPConnection(*address, timeout=service["connect_timeout"] / 1000)
    try:
        connection.connect()
        connection.sock.settimeout(service["read_timeout"] / 1000)
        connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers:
            connection.putheader(name, value.encode("latin-1"))
        connection.endheaders(request.body or None)
        answer = connection.getresponse()
        body = answer.read()
    except TimeoutError as error:
        raise UpstreamError(504) from error
    except http.client.IncompleteRead as error:
        body = error.partial
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise UpstreamError(502) from error
    finally:
        connection.close()
    return Response(answer.status, tuple(answer.headers.raw_items()), body)


def accept_all(_: UpstreamRequest, __: Entity) -> Response:
    """An upstream that only says 200: for requests that are handled in process."""
    return Response(200, (("Content-Type", "application/json"),), b"{}")
