"""The address of an external component, outside any cluster. The stack sets it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True, slots=True)
class Target:
    """A host and its port. Without a port, the port in the gateway trait applies."""

    host: str
    port: int | None = None

    @property
    def address(self) -> str:
        """The address as `host:port`, with an IPv6 address in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Upstream:
    """The targets of an external component, and how the gateway calls them.

    `server_name`: the name in their certificate. `health`: the path of active health checks.
    `balanced`: the gateway checks the health of the targets, and chooses among them.
    `host_header`: the Host header, as host or host:port. None: with http the caller's, with https
    the name in the certificate.
    """

    targets: tuple[Target, ...]
    scheme: Literal["http", "https"] = "https"
    server_name: str | None = None
    health: str | None = None
    balanced: bool = False
    host_header: str | None = None

    def at(self, port: int) -> Upstream:
        """Return the upstream with this port for each target without a port."""
        targets = (
            replace(target, port=target.port or port) for target in self.targets
        )
        return replace(self, targets=tuple(targets))

    @property
    def text(self) -> str:
        """The upstream in words: `https to crm.example.net:443 as crm.example.net`."""
        listed = ", ".join(sorted(target.address for target in self.targets))
        name = f" as {self.server_name}" if self.scheme == "https" else ""
        host = f" with Host {self.host_header}" if self.host_header else ""
        return f"{self.scheme} to {listed}{name}{host}"


# Upstreams by component (application/component).
Upstreams = Mapping[str, Upstream]
