"""Send requests as bytes and read a gateway's answers: the sandbox's with an estate on it, or a
real gateway's."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from kong_oam.access.model import Estate
from sandbox.kong import Kong
from tests.support import kong_deployment
from tests.support.gateway_tokens import Issuer


@dataclass(frozen=True, slots=True)
class Answered:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    def values(self, name: str) -> list[str]:
        return [
            value for own, value in self.headers if own.lower() == name.lower()
        ]

    @property
    def granted(self) -> dict[str, str]:
        """The answer's headers for browsers (Access-Control-*)."""
        return {
            name.lower(): value
            for name, value in self.headers
            if name.lower().startswith("access-control-")
        }


def ask(proxy: tuple[str, int], raw: bytes) -> Answered:
    """Return the answer to the bytes of one request."""
    with socket.create_connection(proxy, timeout=15) as connection:
        with suppress(
            ConnectionError
        ):  # the gateway may stop reading after a denial
            connection.sendall(raw)
        response = http.client.HTTPResponse(
            connection, method=raw.partition(b" ")[0].decode()
        )
        response.begin()
        return Answered(
            response.status, tuple(response.getheaders()), response.read()
        )


@dataclass(frozen=True, slots=True)
class Served:
    """An estate on the sandbox's gateway (a stand-in for Kong)."""

    kong: Kong
    entities: kong_deployment.Entities

    @property
    def proxy(self) -> tuple[str, int]:
        url = urlsplit(self.kong.proxy_url)
        return str(url.hostname), int(url.port or 0)

    def ask(self, raw: bytes) -> Answered:
        return ask(self.proxy, raw)


@contextmanager
def served(
    estate: Estate, issuers: Mapping[str, Issuer], port: int
) -> Iterator[Served]:
    """Serve the estate with the keys of these issuers; all its workloads are at this port of this
    machine."""
    with Kong() as kong, kong_deployment.Entities(kong.admin_url) as entities:
        pems = {
            name: {issuer.kid: issuer.pem} for name, issuer in issuers.items()
        }
        entities.estate(estate, pems, "127.0.0.1", port)
        yield Served(kong, entities)
