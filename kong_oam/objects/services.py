"""The Services of a rendered component, and whether something of it answers behind them. Pure
functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kong_oam.oam.model import Application, Component
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.component import APPLICATION, COMPONENT, texts
from kong_oam.objects.fenced import fenced_pods
from kong_oam.objects.pods import PodTemplate, mapping, mappings

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
        number = _number(wanted)
        return next((port for port in self.ports if port.number == number), None)

    def pod_ports(self, port: Port) -> tuple[int, ...]:
        """The numbers of the pods' ports that a port leads to: several where pods give one name to
        several numbers."""
        if isinstance(port.target, int):
            return (port.target,)
        numbers = (
            _number(one.get("containerPort")) for one in self._container_ports(port)
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

    def _container_ports(self, port: Port) -> list[Mapping[str, Any]]:
        field = "name" if isinstance(port.target, str) else "containerPort"
        return [
            one
            for pod in self.pods
            for container in _containers(pod)
            for one in mappings(container.get("ports"))
            if one.get(field) == port.target and one.get("protocol", "TCP") == "TCP"
        ]


def services_of(application: Application, part: Component) -> Mapping[str, Service]:
    """The Services that a component renders in its Application's namespace, by name."""
    return services_among(
        part.rendered or (), application.namespace, application.name, part.name
    )


def services_among(
    objects: Iterable[RenderedObject], namespace: str, application: str, component: str
) -> Mapping[str, Service]:
    """The Services among the objects of a component that are in its namespace, by name.

    Those of one name are one, with the ports of all; of ports with one number the first counts.
    """
    objects = [one for one in objects if one.namespace in ("", namespace)]
    identity = {APPLICATION: application, COMPONENT: component}
    pods = [
        (one, {**pod.labels, **identity}, pod)
        for one in objects
        for pod in fenced_pods(one)
    ]
    found: dict[str, Service] = {}
    for one in objects:
        if one.group_kind == ("", "Service"):
            spec = mapping(one.object.get("spec"))
            earlier = found.get(one.name, Service(one.name, (), ()))
            selector = mapping(spec.get("selector"))
            selected = [
                (owner, pod)
                for owner, labels, pod in pods
                if selector and selector.items() <= labels.items()
            ]
            found[one.name] = Service(
                one.name,
                (*earlier.ports, *_ports(spec)),
                (*earlier.pods, *(pod for _, pod in selected)),
                {**earlier.selector, **texts(selector)},
                (
                    *earlier.workloads,
                    *(f"{owner.kind} {owner.name}" for owner, _ in selected),
                ),
            )
    return found


def _ports(spec: Mapping[str, Any]) -> Iterator[Port]:
    """Yields the TCP ports. A headless Service is the addresses of its pods, at whatever port one
    calls."""
    headless = spec.get("clusterIP") == "None"
    for entry in mappings(spec.get("ports")):
        number = _number(entry.get("port"))
        if number is not None and entry.get("protocol", "TCP") == "TCP":
            target = None if headless else entry.get("targetPort")
            target = (
                target
                if isinstance(target, str) and target
                else _number(target) or number
            )
            yield Port(
                number,
                str(entry.get("name", "")),
                target,
                str(entry.get("appProtocol", "")),
            )


def _number(value: Any) -> int | None:
    """A port's number; None for what is none."""
    whole = (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and value % 1 == 0
    )
    return int(value) if whole and 0 < value <= 65535 else None


def _containers(pod: PodTemplate) -> list[Mapping[str, Any]]:
    return [
        *mappings(pod.spec.get("containers")),
        *mappings(pod.spec.get("initContainers")),
    ]
