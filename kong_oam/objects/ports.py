"""A Service of a component, its ports, and which of them no gateway is led to. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kong_oam.oam.document import Fields
from kong_oam.objects.pods import PodTemplate, mappings

GRPC = (
    "speaks gRPC, whose calls go upstream by another path than the one that was decided on; it "
    "is not deployed"
)

_GRPC_PORT = re.compile(r"grpc(?:-.*)?\Z")

_GRPC_PROTOCOLS = ("grpc", "grpcs", "kubernetes.io/grpc")


def named_as_grpc(port: str) -> bool:
    """Whether a port is named as one of gRPC (`grpc`, `grpc-...`), as service meshes expect it."""
    return bool(_GRPC_PORT.match(port))


@dataclass(frozen=True, slots=True)
class Port:
    """A TCP port of a Service. `target` is the container's, by number or name."""

    number: int
    name: str
    target: int | str
    protocol: str
    """What is spoken, as `appProtocol` says; empty where it does not."""


@dataclass(frozen=True, slots=True)
class Service:
    """A Service of a component. `pods` are the component's own pods that it selects, of those that
    are held.

    `selector` has the labels by which it selects pods, `workloads` the kinds and names of what
    makes those `pods`.
    """

    name: str
    ports: tuple[Port, ...]
    pods: tuple[PodTemplate, ...]
    selector: Mapping[str, str] = field(default_factory=dict)
    workloads: tuple[str, ...] = ()

    def port(self, wanted: Any) -> Port | None:
        """The port of this number or name."""
        if isinstance(wanted, str):
            return next((port for port in self.ports if port.name == wanted), None)
        number = port_number(wanted)
        return next((port for port in self.ports if port.number == number), None)

    def pod_ports(self, port: Port) -> tuple[int, ...]:
        """The numbers of the pods' ports that a port leads to: several where pods give one name to
        several numbers."""
        if isinstance(port.target, int):
            return (port.target,)
        numbers = (
            port_number(one.get("containerPort")) for one in self._container_ports(port)
        )
        return tuple(sorted({number for number in numbers if number is not None}))

    def speaks_grpc(self, port: Port) -> bool:
        names = [
            port.name,
            *(str(one.get("name", "")) for one in self._container_ports(port)),
        ]
        return port.protocol.lower() in _GRPC_PROTOCOLS or any(
            map(named_as_grpc, names)
        )

    def is_listed(self, port: Port) -> bool:
        """Whether a container says that it listens where the port leads; one that lists no ports
        may at any number."""
        return any(self._container_ports(port)) or (
            not isinstance(port.target, str)
            and any(
                not container.get("ports")
                for pod in self.pods
                for container in _containers(pod)
            )
        )

    def _container_ports(self, port: Port) -> list[Fields]:
        field = "name" if isinstance(port.target, str) else "containerPort"
        return [
            one
            for pod in self.pods
            for container in _containers(pod)
            for one in mappings(container.get("ports"))
            if one.get(field) == port.target and one.get("protocol", "TCP") == "TCP"
        ]


def port_number(value: Any) -> int | None:
    """A port's number; None for what is none."""
    whole = (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and value % 1 == 0
    )
    return int(value) if whole and 0 < value <= 65535 else None


def _containers(pod: PodTemplate) -> list[Fields]:
    return [
        *mappings(pod.spec.get("containers")),
        *mappings(pod.spec.get("initContainers")),
    ]
