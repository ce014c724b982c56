"""Rules about the Kubernetes side: only the intended callers reach a workload."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from kong_oam.access.data import JsonObject
from kong_oam.objects.known_kinds import (
    ADDRESS_KINDS,
    BYPASS_GROUPS,
    BYPASS_KINDS,
)

from .deployed import UNKNOWN, Deployment, Resource
from .rule import Findings, Settings, about

SERVICE = "kubernetes:core/v1:Service"
NETWORK_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"

# The types of Services that answer outside the cluster.
_OUTSIDE = ("LoadBalancer", "NodePort")
# The label with a namespace's name, which only the API server writes.
_NAMESPACE = "kubernetes.io/metadata.name"
# Fields by which pods share their node, where no NetworkPolicy applies.
_NODE = ("hostNetwork", "hostPID", "hostIPC")
_GROUPS = tuple(f".{group}" for group in BYPASS_GROUPS)
# Kinds by which others than the gateway reach workloads, or that redirect a Service.
_WAYS_IN = BYPASS_KINDS | ADDRESS_KINDS

# An edge: a part of an object, as Kubernetes writes it.
Part = JsonObject


def workloads(deployment: Deployment) -> Iterator[Resource]:
    """Yield the objects with pods, of any kind."""
    for resource in deployment.resources:
        if resource.type.startswith("kubernetes:") and any(
            _pods(resource.properties)
        ):
            yield resource


def containers(workload: Resource) -> Iterator[Part]:
    for _, pod in _pods(workload.properties):
        yield from _containers(pod)


def fenced_workloads(deployment: Deployment, settings: Settings) -> Findings:
    """Check that the pods behind a Service have a NetworkPolicy that names its callers, without a
    way around it.

    Settings: `widestIPv4` and `widestIPv6` are the shortest prefixes of address ranges. `allow`
    lists kinds of objects to ignore: `<group>/<Kind>`, or `Kind` of the core group.
    """
    widest = {4: settings["widestIPv4"], 6: settings["widestIPv6"]}
    yield from _ways_in(deployment, settings["allow"])
    for service in deployment.of(SERVICE):
        yield from _redirecting_services(service)
    policies = [*filter(_is_for_ingress, deployment.of(NETWORK_POLICY))]
    for policy in policies:
        yield from _wide_policies(policy, widest)
    for workload in workloads(deployment):
        yield from _node_access(workload)
        services = [
            service
            for service in deployment.of(SERVICE)
            if _leads_to(service, workload)
        ]
        if services:
            yield from _hidden_callers(services, workload)
            if not any(_fences(policy, workload) for policy in policies):
                message = "is behind a Service, but has no NetworkPolicy"
                yield about(workload, message)


def _wide_policies(policy: Resource, widest: Mapping[int, int]) -> Findings:
    """Find rules that admit more than pods selected by namespace and labels, or the gateway's
    ranges, each at listed ports."""
    rules = _at(policy.properties, "spec", "ingress") or ()
    if any(map(_is_open, rules)):
        yield about(policy, "lets everybody connect to its pods")
    if not all(map(_has_ports, rules)):
        yield about(policy, "opens all ports of its pods; list each port")
    peers: list[Part] = []
    for rule in rules:
        peers += _at(rule, "from")
    if not all(map(_is_certain, peers)):
        yield about(
            policy,
            "admits pods that it does not select by both namespace "
            f"({_NAMESPACE}) and labels; select them by both",
        )
    for cidr in sorted({*_wide(peers, widest)}):
        yield about(policy, f"lets all of {cidr} connect to its pods")


def _ways_in(deployment: Deployment, allowed: Iterable[str]) -> Findings:
    """Find a CNI's own NetworkPolicies, which add to ours, and objects of ingress controllers: they
    can only open."""
    for resource in deployment.resources:
        if not resource.type.startswith("kubernetes:"):
            continue
        _, version, kind = resource.type.split(":")
        group = version.partition("/")[0] if version != "core/v1" else ""
        if (f"{group}/{kind}" if group else kind) in allowed:
            continue
        if kind.endswith("NetworkPolicy") and resource.type != NETWORK_POLICY:
            opened = "who may connect"
        elif kind.casefold() in _WAYS_IN or f".{group}".endswith(_GROUPS):
            opened = "ways to workloads"
        else:
            continue
        yield about(resource, f"({kind}) opens {opened} beside the gateway")


def _redirecting_services(service: Resource) -> Findings:
    spec = _at(service.properties, "spec")
    if _at(spec, "type") == "ExternalName" or (
        spec and not spec.get("selector")
    ):
        yield about(service, "has no selector, so anybody can redirect it")
    if _at(spec, "externalIPs"):
        yield about(
            service, "claims addresses outside the cluster (externalIPs)"
        )


def _node_access(workload: Resource) -> Findings:
    for _, pod in _pods(workload.properties):
        for field in _NODE:
            if pod.get(field) is True:
                yield about(
                    workload,
                    f"shares its node ({field}), where no NetworkPolicy applies",
                )
        for container in _containers(pod):
            if _at(container, "securityContext", "privileged") is True:
                yield about(workload, "has all rights on its node (privileged)")
            if any(
                _at(port, "hostPort") for port in _at(container, "ports") or ()
            ):
                yield about(
                    workload,
                    "listens on its node (hostPort), past its NetworkPolicy",
                )


def _hidden_callers(
    services: Iterable[Resource], workload: Resource
) -> Findings:
    """Find settings that hide callers from a NetworkPolicy, which then sees a node's address."""
    for service in services:
        spec = _at(service.properties, "spec")
        if (
            _at(spec, "type") in _OUTSIDE
            and _at(spec, "externalTrafficPolicy") != "Local"
        ):
            yield about(
                service,
                f"hides the callers of {workload.name} from its NetworkPolicy",
            )
    for _, pod in _pods(workload.properties):
        for volume in _at(pod, "volumes") or ():
            path = _at(volume, "hostPath", "path")
            if path:
                yield about(
                    workload,
                    f"mounts {path} of its node, which other pods can write to",
                )


def _leads_to(service: Resource, workload: Resource) -> bool:
    """Tell whether a Service selects the workload. Without a selector it selects no pods."""
    selector = _at(service.properties, "spec", "selector")
    return bool(selector) and _matches(selector, service, workload)


def _is_for_ingress(policy: Resource) -> bool:
    types = _at(policy.properties, "spec", "policyTypes") or ["Ingress"]
    return "Ingress" in types


def _fences(policy: Resource, workload: Resource) -> bool:
    """Tell whether a policy selects the workload. An empty selector is every pod of the namespace;
    a selector with expressions counts as none."""
    selector = _at(policy.properties, "spec", "podSelector")
    if selector.get("matchExpressions"):
        return False
    return _matches(selector.get("matchLabels") or {}, policy, workload)


def _matches(labels: Part, selector: Resource, workload: Resource) -> bool:
    """Tell whether the labels select a pod of the workload, in the same cluster and namespace."""
    if selector.provider != workload.provider:
        return False
    if _namespace(selector) != _namespace(workload):
        return False
    return any(
        labels.items() <= pod_labels.items()
        for pod_labels, _ in _pods(workload.properties)
    )


def _pods(value: Any) -> Iterator[tuple[Part, Part]]:
    """Yield labels and spec of every pod or template of pods in an object."""
    if isinstance(value, Mapping):
        spec = _at(value, "spec")
        if isinstance(_at(spec, "containers"), list | tuple):
            yield _at(value, "metadata", "labels"), spec
        else:
            for item in value.values():
                yield from _pods(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _pods(item)


def _containers(pod: Part) -> Iterator[Part]:
    for kind in ("containers", "initContainers"):
        for container in _at(pod, kind) or ():
            if isinstance(container, Mapping):
                yield container


def _namespace(resource: Resource) -> Any:
    return _at(resource.properties, "metadata", "namespace") or "default"


def _is_open(rule: Part) -> bool:
    """Tell whether an ingress rule lets everybody in: its `from` is empty, or the whole address
    space."""
    peers = _at(rule, "from")
    return not peers or any(
        network.prefixlen == 0 for network in _networks(peers)
    )


def _has_ports(rule: Part) -> bool:
    """Tell whether an ingress rule lists single ports. An entry without a port is every port."""
    ports = _at(rule, "ports")
    return bool(ports) and all(
        _at(entry, "port") and not _at(entry, "endPort") for entry in ports
    )


def _is_certain(peer: Part) -> bool:
    """Tell whether a peer is a range of addresses, or pods selected by namespace and labels.
    Expressions can only narrow these labels."""
    if _at(peer, "ipBlock", "cidr"):
        return True
    namespaces = _at(peer, "namespaceSelector", "matchLabels")
    return bool(
        _at(namespaces, _NAMESPACE) and _at(peer, "podSelector", "matchLabels")
    )


def _wide(peers: Iterable[Part], widest: Mapping[int, int]) -> Iterator[str]:
    """Yield ranges that contain more than gateways: pods, nodes and others of the network."""
    for network in _networks(peers):
        if 0 < network.prefixlen < widest[network.version]:
            yield str(network)


def _networks(peers: Iterable[Part]) -> Iterator[IPv4Network | IPv6Network]:
    for peer in peers:
        cidr = _at(peer, "ipBlock", "cidr")
        if cidr:
            yield ip_network(cidr, strict=False)


def _at(value: Any, *path: str) -> Any:
    """Return the value at a path; an empty mapping if it is missing or unknown."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return {} if value is None or value is UNKNOWN else value
