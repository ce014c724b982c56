"""Where components are exposed: endpoints, and the ports of Kubernetes Services that they lead
to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kong_oam.access.data import TLS, Names
from kong_oam.oam.position import SourcePosition

# (name of a Kubernetes Service, ports of it that the gateway reaches)
Exposures = tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a component is exposed. `host` is in lower case; a leading `*.` stands for one or more
    labels."""

    host: str
    # Decoded, element by element (access.paths).
    path: Names
    port: int
    position: SourcePosition = field(compare=False)
    # The Secret with the certificate of `host`, as the gateway trait's `secretName` or the
    # Ingress's `tls` says.
    certificate: str | None = None
    # The Kubernetes Service that it leads to; empty where nobody knows, as in a model that was
    # exported.
    service: str = field(default="", compare=False)
    # That Service again where another one of the component has the same port and goes by the port
    # alone.
    apart: str = ""

    # How the gateway speaks to it: in clear text, by verified https, or with a client certificate
    # besides.
    tls: TLS = field(default="", compare=False)

    @property
    def port_name(self) -> str:
        """The name, unique in its component, of the port that it leads to: `8080`, or
        `8080_api-admin`."""
        return f"{self.port}_{self.apart}" if self.apart else str(self.port)

    @property
    def backend(self) -> str:
        """The name, unique in its component, of what it leads to: the port's, `8443__tls`, or
        `8443_api-admin_tls`.

        So what is spoken otherwise has another service at the gateway, with a gate of its own, and
        no moment of a run has half of each: Kong takes none of the fields for TLS in a service that
        speaks http, not even a false one.
        """
        return (
            f"{self.port}_{self.apart}_{self.tls}"
            if self.tls
            else self.port_name
        )

    @property
    def order(self) -> tuple[int, str, str]:
        """By which backends are sorted."""
        return self.port, self.apart, self.tls


# Endpoints of a component, in order.
Endpoints = tuple[Endpoint, ...]


def backends_of(endpoints: Iterable[Endpoint]) -> Mapping[str, Endpoint]:
    """What the endpoints lead to, by its name, in order, each as one endpoint that leads there.

    The gateway has a service of its own, with a gate, for each. Of two Services that go by one port
    alone the last counts.
    """
    return {
        endpoint.backend: endpoint
        for endpoint in sorted(endpoints, key=lambda endpoint: endpoint.order)
    }


def whole(component: str) -> str:
    """The key of the component that `component` is, or is a port of: `orders/api` of
    `orders/api:8081`, as models of what is enforced call what is judged otherwise than other ports
    (kong_oam.kong.enforced)."""
    return component.partition(":")[0]
