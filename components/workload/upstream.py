"""Where the gateway finds what runs, and what it has to know of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import pulumi

from kong_oam.access.settings.stack import GatewaySettings


@dataclass(frozen=True)
class Upstream:
    """The address at which the gateway finds one backend of a component."""

    host: pulumi.Input[str]
    port: pulumi.Input[int]

    @property
    def address(self) -> pulumi.Output[str]:
        """`host:port`"""
        return pulumi.Output.concat(self.host, ":", pulumi.Output.from_input(self.port).apply(str))


class Running(Protocol):
    """What runs of a component."""

    @property
    def resources(self) -> Sequence[pulumi.Resource]:
        """What answers, after which a gate comes."""

    @property
    def rolled_out(self) -> pulumi.Output[bool]:
        """Whether what runs is what this run means: a run that leaves some of it out, or fails there, has others."""

    @property
    def upstreams(self) -> Mapping[str, Upstream]:
        """Where the gateway reaches each of the component's backends."""


def upstream_of(
    gateway: GatewaySettings,
    port: int,
    inside: Callable[[], pulumi.Input[str]],
    balancer: Callable[[], pulumi.Input[str]],
    node_port: Callable[[], pulumi.Input[int]],
) -> Upstream:
    """Finds the upstream behind a port of a Service: by its name inside the cluster, else by the address of its load
    balancer or its node port. Only what is asked for is read: the cluster gives no other."""
    match gateway.reach:
        case "loadBalancer":
            return Upstream(balancer(), port)
        case "nodePort":
            return Upstream(gateway.node_address or "", node_port())
        case _:
            return Upstream(inside(), port)


def balancer_of(ingress: Iterable[tuple[str | None, str | None]]) -> str:
    """The address of a load balancer, of the IP addresses and host names that it says. Raises LookupError where it has
    none: nothing is routed to nowhere."""
    for address, name in ingress:
        if found := address or name:
            return found
    raise LookupError("the Service's load balancer has no address yet; run `pulumi up` again once it has")


def node_port_of(ports: Iterable[tuple[int | None, int | None]], port: int) -> int:
    """The node port of a Service's port, of its ports with their node ports. Raises LookupError where it has none."""
    for own, on_nodes in ports:
        if own == port and on_nodes:
            return int(on_nodes)
    raise LookupError(f"the Service has no node port for port {port}; is its type NodePort?")
