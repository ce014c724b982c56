"""The address of a workload for the gateway."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from pulumi import Input, Output

from kong_oam.access.endpoint import Endpoint
from kong_oam.access.settings.values import GatewaySettings
from kong_oam.oam.position import Fields

from .objects import KubernetesObject


@dataclass(frozen=True)
class Upstream:
    """The gateway's address for one backend of a component."""

    host: Input[str]
    port: Input[int]

    @property
    def address(self) -> Output[str]:
        return Output.concat(
            self.host, ":", Output.from_input(self.port).apply(str)
        )


def upstream_of(
    gateway: GatewaySettings,
    service: KubernetesObject,
    namespace: str,
    backend: Endpoint,
) -> Upstream:
    """Return the upstream behind a port of a Service.

    It is the Service's name inside the cluster, or else its load balancer's address or its node
    port. It reads only the needed address: the cluster gives no other.
    """
    match gateway.reach:
        case "loadBalancer":
            return Upstream(service.status.apply(balancer_of), backend.port)
        case "nodePort":
            node_port = service.spec.apply(
                partial(node_port_of, port=backend.port)
            )
            return Upstream(gateway.node_address or "", node_port)
        case _:
            return Upstream(
                f"{backend.service}.{namespace}.svc.cluster.local", backend.port
            )


def balancer_of(status: Fields | None) -> str:
    """Return the address of a load balancer: the first IP address or host name in the status of its
    Service.

    Raises LookupError if it has none.
    """
    for entry in ((status or {}).get("loadBalancer") or {}).get(
        "ingress"
    ) or ():
        address = entry.get("ip") or entry.get("hostname")
        if address:
            return str(address)
    raise LookupError(
        "the Service's load balancer has no address yet; run `pulumi up` again later"
    )


def node_port_of(spec: Fields | None, port: int) -> int:
    """Return the node port of a port in the spec of a Service. Raises LookupError."""
    for entry in (spec or {}).get("ports") or ():
        if entry.get("port") == port and entry.get("nodePort"):
            return int(entry["nodePort"])
    raise LookupError(
        f"the Service has no node port for port {port}; check that its type is NodePort"
    )
