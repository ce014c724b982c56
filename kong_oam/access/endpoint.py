"""Endpoints of components, and the ports of Kubernetes Services behind them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kong_oam.access.data import TLS, Names
from kong_oam.oam.position import SourcePosition

# (name of a Kubernetes Service, ports of it that the gateway reaches)
Exposures = tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint of a component. `host` is in lower case; a leading `*.` stands for one or more
    labels."""

    host: str
    # Decoded, element by element (access.paths).
    path: Names
    port: int
    position: SourcePosition = field(compare=False)
    # The Secret with the certificate of `host`, from the gateway trait's `secretName` or the
    # Ingress's `tls`.
    certificate: str | None = None
    # The Kubernetes Service behind it; empty if unknown, as in an exported model.
    service: str = field(default="", compare=False)
    # The same Service, if another Service of the component has the same port and uses the plain
    # port name.
    apart: str = ""

    # The gateway's protocol to it: clear text, verified https, or https with a client certificate
    # besides.
    tls: TLS = field(default="", compare=False)

    @property
    def port_name(self) -> str:
        """The name of its port, unique in the component: `8080`, or `8080_api-admin`."""
        return f"{self.port}_{self.apart}" if self.apart else str(self.port)

    @property
    def backend(self) -> str:
        """The name of its backend, unique in the component: the port's name, `8443__tls`, or
        `8443_api-admin_tls`.

        Another protocol means another service at the gateway with its own gate. So no moment of a
        run mixes both protocols. Kong rejects all TLS fields in a service that speaks http, even a
        false value.
        """
        return (
            f"{self.port}_{self.apart}_{self.tls}"
            if self.tls
            else self.port_name
        )

    @property
    def order(self) -> tuple[int, str, str]:
        """The sort key of backends."""
        return self.port, self.apart, self.tls


# Endpoints of a component, in order.
Endpoints = tuple[Endpoint, ...]


def backends_of(endpoints: Iterable[Endpoint]) -> Mapping[str, Endpoint]:
    """Return the backends of endpoints by name, in order, each as one of its endpoints.

    The gateway has its own service and gate for each backend. If two Services use a plain port
    name, the last counts.
    """
    return {
        endpoint.backend: endpoint
        for endpoint in sorted(endpoints, key=lambda endpoint: endpoint.order)
    }


def component_key(component: str) -> str:
    """Return the component's key from a key with or without a port: `orders/api` for
    `orders/api:8081`.

    Models of deployed gates use keys with ports if a port has other rules (kong_oam.kong.enforced).
    """
    return component.partition(":")[0]
