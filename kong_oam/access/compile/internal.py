"""Compile `internal`: the callers that may connect to a component's pods inside the cluster.

Callers are known only once every component is compiled, so this runs over the whole estate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NotRequired, TypedDict, cast

from kong_oam.access.compile.directory import Directory
from kong_oam.access.data import TextList
from kong_oam.access.internal import (
    Connection,
    PodGroup,
    Protocol,
    in_order,
    port_text,
)
from kong_oam.access.model import Component
from kong_oam.access.services import routed_ports, services_of
from kong_oam.diagnostics import (
    Diagnostic,
    Findings,
    Report,
    nearest_typo,
    some,
)
from kong_oam.oam.position import Fields, SourcePosition
from kong_oam.oam.rendered import RenderedObject
from kong_oam.objects.component_pods import component_pods
from kong_oam.objects.pods import mappings
from kong_oam.objects.ports import port_number
from kong_oam.objects.selection import APPLICATION, COMPONENT

_SERVICE = ("", "Service")
# Workloads with one pod, unless `replicas` says more.
_REPLICATED = frozenset({"Deployment", "StatefulSet", "ReplicaSet"})


class InternalYaml(TypedDict):
    """One of the `internal` entries of an access trait."""

    port: int
    protocol: NotRequired[Protocol]
    components: NotRequired[TextList]
    peers: NotRequired[TextList]


def connect_components(directory: Directory) -> None:
    """Give every component of the directory its connections. Findings are added to
    `directory.out`."""
    pods = {
        key: [*_pod_groups(component)]
        for key, component in directory.components.items()
    }
    for key, component in directory.components.items():
        trait = directory.parts[key].trait("access")
        entries = trait.properties.get("internal") if trait else None
        if trait is None or not entries:
            continue
        position = trait.position.at("properties", "internal")
        callee = _Callee(component, directory, pods)
        connections: list[Connection] = []
        for index, entry in enumerate(cast("list[InternalYaml]", entries)):
            connections += callee.connections(entry, position.at(index))
        callee.check_duplicates(connections)
        directory.components[key] = replace(
            component, connections=in_order(connections)
        )


class _Callee:
    """A component whose access trait admits callers."""

    def __init__(
        self,
        component: Component,
        directory: Directory,
        pods: Mapping[str, list[PodGroup]],
    ) -> None:
        self.pods = pods
        self.component = component
        self.directory = directory
        self.out: Report = directory.out
        self.clusters = {site.workload.cluster for site in component.instances}

    def connections(
        self, entry: InternalYaml, position: SourcePosition
    ) -> Iterator[Connection]:
        """Yield the connections of one entry."""
        port = int(entry["port"])
        protocol = entry.get("protocol", "TCP")
        self.out += self._port_findings(port, protocol, position.at("port"))
        members = entry.get("components", ())
        peers = entry.get("peers", ())
        if not members and not peers:
            message = (
                f"port {port_text(port, protocol)} names no caller; write `components` or "
                "`peers`, or remove the entry"
            )
            self.out.append(Diagnostic("ACC252", message, position))
        for index, member in enumerate(members):
            where = position.at("components", index)
            pods = tuple(self._pods_of(member, where))
            yield Connection(port, protocol, member, False, pods, where)
        for index, name in enumerate(peers):
            where = position.at("peers", index)
            pods = tuple(self._peer_pods(name, where))
            yield Connection(port, protocol, name, True, pods, where)

    def check_duplicates(self, connections: Iterable[Connection]) -> None:
        """Report callers that are named twice for one port."""
        first: dict[tuple[str, str], Connection] = {}
        for connection in connections:
            pair = connection.at, connection.by
            earlier = first.setdefault(pair, connection)
            if earlier is not connection:
                message = (
                    f"'{connection.caller}' is already named for port {connection.at} "
                    f"({earlier.position}); remove one of them"
                )
                self.out.append(
                    Diagnostic("ACC252", message, connection.position)
                )

    def _port_findings(
        self, port: int, protocol: Protocol, position: SourcePosition
    ) -> Findings:
        """Find a port that a route leads to, and a port that no container lists.

        The pods of another owner's Service are not in the Application, so their ports are unknown.
        """
        component = self.component
        shown = port_text(port, protocol)
        if port in routed_ports(component):
            message = (
                f"a route leads to port {port} of '{component.key}', which trusts the gate's "
                "X-Auth-* headers; name another port, or let the callers use the gateway"
            )
            yield Diagnostic("ACC253", message, position)
            return
        if component.workload.named_service:
            return
        if not any(_has_pods(site) for site in component.instances):
            message = (
                f"'{component.key}' renders no pods to connect to; write access.service "
                "for the pods of a release or an operator"
            )
            if component.outside:
                message = (
                    f"'{component.key}' runs outside the cluster, where no NetworkPolicy applies; "
                    "remove `internal`"
                )
            yield Diagnostic("ACC254", message, position)
            return
        listed = _listening(component, protocol)
        if port not in listed:
            yield Diagnostic(
                "ACC254", _not_listed(component, port, shown, listed), position
            )

    def _pods_of(
        self, member: str, position: SourcePosition
    ) -> Iterator[PodGroup]:
        """Yield the pods of a caller in the callee's clusters. Report a caller without such
        pods."""
        caller = self.directory.components.get(member)
        if caller is None:
            if not self.directory.is_unread(member):
                hint = nearest_typo(member, self.directory.components)
                removed = "; if it was deleted, remove it here"
                message = (
                    f"component '{member}' does not exist{hint or removed}"
                )
                self.out.append(Diagnostic("ACC252", message, position))
            return
        callee = self.component
        if member == callee.key and _is_one_pod(callee):
            message = (
                f"'{member}' has one pod, and a pod reaches itself without this; remove it, or "
                "give the component more replicas"
            )
            self.out.append(Diagnostic("ACC252", message, position))
            return
        groups = self.pods[member]
        shared = [group for group in groups if group.cluster in self.clusters]
        if caller.outside:
            problem = (
                "runs outside the cluster; let it call through the gateway"
            )
        elif not groups:
            problem = (
                "renders no pods; write access.service there for the pods of a release or an "
                "operator, or remove it here"
            )
        elif not shared:
            problem = (
                f"runs in {caller.where}, in no cluster of '{callee.key}'; let it call through "
                "the gateway"
            )
        else:
            yield from shared
            return
        message = f"component '{member}' {problem}"
        self.out.append(Diagnostic("ACC252", message, position))

    def _peer_pods(
        self, name: str, position: SourcePosition
    ) -> Iterator[PodGroup]:
        """Yield the pods of a platform peer in the callee's clusters."""
        stack = self.directory.stack
        peer = stack.peers.get(name)
        if peer:
            for cluster in sorted(self.clusters, key=str):
                yield PodGroup(cluster, peer.namespace, peer.labels)
        elif not stack.partial:
            message = (
                f"the stack has no peer '{name}'; write its pods under cluster.peers.{name} in "
                "the stack's settings: namespace and podLabels"
                f"{nearest_typo(name, stack.peers)}"
            )
            self.out.append(Diagnostic("ACC255", message, position))


def _pod_groups(component: Component) -> Iterator[PodGroup]:
    """Yield the pods of a component at all its targets: its own by their OAM labels, and the pods
    behind `access.service`."""
    own = {APPLICATION: component.application, COMPONENT: component.name}
    named = component.workload.named_service
    for site in component.instances:
        place = site.workload.cluster, site.workload.namespace
        if _has_pods(site):
            yield PodGroup(*place, own)
        if named:
            yield PodGroup(*place, named.labels)


def _has_pods(site: Component) -> bool:
    return any(map(component_pods, site.workload.rendered))


def _is_one_pod(component: Component) -> bool:
    """Return whether the component has at most one pod in each place. An autoscaler may make
    more."""
    if component.workload.named_service:
        return False
    for site in component.instances:
        pods = 0
        for rendered in site.workload.rendered:
            if "scaleTargetRef" in rendered.spec:
                return False
            if component_pods(rendered):
                pods += _replicas(rendered)
        if pods > 1:
            return False
    return True


def _replicas(rendered: RenderedObject) -> int:
    """Return the pods of a workload. Kinds other than replicated workloads may have several."""
    if rendered.kind == "Pod":
        return 1
    if rendered.kind not in _REPLICATED:
        return 2
    replicas = rendered.spec.get("replicas", 1)
    return replicas if isinstance(replicas, int) else 1


def _listening(component: Component, protocol: Protocol) -> set[int]:
    """Return the ports that the component's containers list, and the ports of its pods that its
    Services lead to."""
    entries: list[Fields] = []
    for site in component.instances:
        for rendered in site.workload.rendered:
            for template in component_pods(rendered):
                for _, container in template.containers():
                    entries += mappings(container.get("ports"))
            if rendered.group_kind == _SERVICE:
                entries += mappings(rendered.spec.get("ports"))
    ports: set[int | None] = set()
    for entry in entries:
        if entry.get("protocol", "TCP") == protocol:
            target = entry.get("targetPort") or entry.get("port")
            ports.add(port_number(entry.get("containerPort") or target))
    return {port for port in ports if port is not None}


def _not_listed(
    component: Component, port: int, shown: str, listed: set[int]
) -> str:
    """Return the message about a port that no container lists, with the port to write if it is
    certain."""
    for service in services_of(component).values():
        found = service.port(port)
        if found and isinstance(found.target, int):
            return (
                f"Service '{service.name}' leads from port {port} to port {found.target} of the "
                f"pods; write port: {found.target}"
            )
    known = f"; it lists {some(map(str, sorted(listed)))}" if listed else ""
    return (
        f"no container of '{component.key}' lists port {shown}{known}; correct the port, or add "
        "it to the container's ports"
    )
