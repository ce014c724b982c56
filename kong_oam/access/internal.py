"""Connections inside the cluster: the callers that may connect to a component's pods, past the
gate.

A connection has no token, and no gate decides or records it. Only the NetworkPolicy of the called
pods lets it pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from kong_oam.access.data import Texts
from kong_oam.oam.position import SourcePosition

Protocol = Literal["TCP", "UDP"]


@dataclass(frozen=True, slots=True)
class PodGroup:
    """The pods with these labels in one namespace. `cluster` None: the stack's own."""

    cluster: str | None
    namespace: str
    labels: Texts

    @property
    def text(self) -> str:
        """The pods as text: `pods app=db in west/shop`."""
        place = (
            f"{self.cluster}/{self.namespace}"
            if self.cluster
            else self.namespace
        )
        return f"pods {selector_text(self.labels)} in {place}"


@dataclass(frozen=True, slots=True)
class Connection:
    """One caller that may connect to a port of a component's pods.

    `caller` is a component (`application/component`), or the name of a platform peer. `pods` are
    the caller's pods; empty if the caller cannot be read in this part of the estate.
    """

    port: int
    protocol: Protocol
    caller: str
    is_peer: bool
    pods: tuple[PodGroup, ...]
    position: SourcePosition = field(compare=False)

    @property
    def at(self) -> str:
        """The port as text: `3306`, or `53/UDP`."""
        return port_text(self.port, self.protocol)

    @property
    def by(self) -> str:
        """The caller as text: `blog/wordpress`, or `peer monitoring`."""
        return f"peer {self.caller}" if self.is_peer else self.caller

    @property
    def id(self) -> str:
        """The caller as an argument: `blog/wordpress`, or `peer:monitoring`."""
        return f"peer:{self.caller}" if self.is_peer else self.caller

    def words(self, callee: str = "") -> str:
        """Return the connection in words: `connects to 3306 of blog/mysql, no token, not
        recorded`."""
        of_callee = f" of {callee}" if callee else ""
        return f"connects to {self.at}{of_callee}, no token, not recorded"


Connections = tuple[Connection, ...]

# The key of a component, and a connection to its pods.
Connected = tuple[str, Connection]


def selector_text(labels: Texts) -> str:
    """Return labels as kubectl's --selector takes them: `app=db,tier=data`."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def port_text(port: int, protocol: str) -> str:
    """Return a port of pods as text: `3306`, or `53/UDP`."""
    return str(port) if protocol == "TCP" else f"{port}/{protocol}"


def in_order(connections: Iterable[Connection]) -> Connections:
    """Return the connections by port and caller, platform peers last."""
    return tuple(
        sorted(
            connections,
            key=lambda connection: (
                connection.port,
                connection.protocol,
                connection.is_peer,
                connection.caller,
            ),
        )
    )
