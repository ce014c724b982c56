"""A Service of a component, and the ports that the gateway can use. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kong_oam.oam.position import Fields, Names, Texts
from kong_oam.objects.pods import PodTemplate, mappings

GRPC = (
    "is a gRPC port; Kong would forward gRPC calls past the gate's path "
    "check. Use an HTTP port"
)

_GRPC_PORT = re.compile(r"grpc(?:-.*)?\Z")

_GRPC_PROTOCOLS = ("grpc", "grpcs", "kubernetes.io/grpc")


def named_as_grpc(port: str) -> bool:
    """Tell whether a port has a gRPC name (`grpc`, `grpc-...`), as in service meshes."""
    return bool(_GRPC_PORT.match(port))


@dataclass(frozen=True, slots=True)
class Port:
    """A TCP port of a Service. `target` is the container port, by number or name."""

    number: int
    name: str
    target: int | str
    # The protocol in `appProtocol`; empty without it.
    protocol: str


@dataclass(frozen=True, slots=True)
class Service:
    """A Service of a component.

    `pods` are the component's own pods that it selects. `selector` has its labels, `workloads` the
    kinds and names of the pods' workloads.
    """

    name: str
    ports: tuple[Port, ...]
    pods: tuple[PodTemplate, ...]
    selector: Texts = field(default_factory=dict)
    workloads: Names = ()

    def port(self, wanted: Any) -> Port | None:
        """Return the port of this number or name."""
        if isinstance(wanted, str):
            return next(
                (port for port in self.ports if port.name == wanted), None
            )
        number = port_number(wanted)
        return next(
            (port for port in self.ports if port.number == number), None
        )

    def pod_ports(self, port: Port) -> tuple[int, ...]:
        """Return the pods' port numbers for a port. A port name can have several numbers in
        different pods."""
        if isinstance(port.target, int):
            return (port.target,)
        entries = self._container_ports(port)
        numbers = {port_number(entry.get("containerPort")) for entry in entries}
        return tuple(sorted(number for number in numbers if number is not None))

    def speaks_grpc(self, port: Port) -> bool:
        if named_as_grpc(port.name) or port.protocol.lower() in _GRPC_PROTOCOLS:
            return True
        entries = self._container_ports(port)
        return any(
            named_as_grpc(str(entry.get("name", ""))) for entry in entries
        )

    def is_listed(self, port: Port) -> bool:
        """Tell whether a container lists the target of a port. Containers without listed ports may
        use any number."""
        if any(self._container_ports(port)):
            return True
        if isinstance(port.target, str):
            return False
        return not all(
            container.get("ports") for container in self._containers()
        )

    def _container_ports(self, port: Port) -> Iterator[Fields]:
        """Yield the container ports for a port of the Service."""
        field = "name" if isinstance(port.target, str) else "containerPort"
        for container in self._containers():
            for entry in mappings(container.get("ports")):
                is_tcp = entry.get("protocol", "TCP") == "TCP"
                if is_tcp and entry.get(field) == port.target:
                    yield entry

    def _containers(self) -> Iterator[Fields]:
        for pod in self.pods:
            yield from mappings(pod.spec.get("containers"))
            yield from mappings(pod.spec.get("initContainers"))


# The Services of a component by name.
Services = Mapping[str, Service]


def port_number(value: Any) -> int | None:
    """Return the number of a port; None if the value is invalid."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if value % 1 == 0 and 0 < value <= 65535 else None
