"""Rules about the Kubernetes side: nothing else reaches a workload than what is meant to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from .deployed import UNKNOWN, Deployment, Resource
from .rule import PolicyFinding, Settings

WORKLOADS = tuple(f"kubernetes:apps/v1:{kind}" for kind in ("Deployment", "StatefulSet", "DaemonSet"))
SERVICE, NETWORK_POLICY = "kubernetes:core/v1:Service", "kubernetes:networking.k8s.io/v1:NetworkPolicy"

_OUTSIDE = ("LoadBalancer", "NodePort")
"""The types of Services that answer outside the cluster."""


def fenced_workloads(deployment: Deployment, settings: Settings) -> Iterator[PolicyFinding]:
    """Checks that the pods behind a Service have a NetworkPolicy for what comes in, which names who that is.

    Settings: `widestIPv4` and `widestIPv6`, the shortest prefixes that a range of addresses may have.
    """
    widest = {4: settings["widestIPv4"], 6: settings["widestIPv6"]}
    for workload in deployment.of(*WORKLOADS):
        services = [service for service in deployment.of(SERVICE) if _leads_to(service, workload)]
        if not services:
            continue
        yield from _seen_from_elsewhere(services, workload)
        fences = [policy for policy in deployment.of(NETWORK_POLICY) if _fences(policy, workload)]
        if not fences:
            yield PolicyFinding(f"{workload.name} is behind a Service, and behind no NetworkPolicy", workload)
        for fence in fences:
            rules = _at(fence.properties, "spec", "ingress") or ()
            if any(_is_open(rule) for rule in rules):
                yield PolicyFinding(f"{fence.name} lets everybody in to {workload.name}", fence)
            for cidr in sorted({cidr for rule in rules for cidr in _wide(rule, widest)}):
                yield PolicyFinding(f"{fence.name} lets all of {cidr} in to {workload.name}", fence)


def _seen_from_elsewhere(services: Iterable[Resource], workload: Resource) -> Iterator[PolicyFinding]:
    """Where the cluster hands a connection on from another node, the fence sees that node's address."""
    for service in services:
        spec = _at(service.properties, "spec")
        if _at(spec, "type") in _OUTSIDE and _at(spec, "externalTrafficPolicy") != "Local":
            yield PolicyFinding(
                f"{service.name} hides from the fence of {workload.name} who connects from outside", service
            )
    for volume in _at(workload.properties, "spec", "template", "spec", "volumes") or ():
        if path := _at(volume, "hostPath", "path"):
            yield PolicyFinding(f"{workload.name} mounts {path} of its node, which other pods can write to", workload)


def _leads_to(service: Resource, workload: Resource) -> bool:
    """A Service without a selector leads to no pods of its own accord."""
    selector = _at(service.properties, "spec", "selector")
    return bool(selector) and _matches(selector, service, workload)


def _fences(policy: Resource, workload: Resource) -> bool:
    """An empty selector is every pod of the namespace; one with expressions is not looked into, and counts for none."""
    types = _at(policy.properties, "spec", "policyTypes") or ["Ingress"]
    selector = _at(policy.properties, "spec", "podSelector")
    if "Ingress" not in types or selector.get("matchExpressions"):
        return False
    return _matches(selector.get("matchLabels") or {}, policy, workload)


def _matches(labels: Mapping[str, Any], selector: Resource, workload: Resource) -> bool:
    pod_labels = _at(workload.properties, "spec", "template", "metadata", "labels")
    return _namespace(selector) == _namespace(workload) and all(pod_labels.get(name) == labels[name] for name in labels)


def _namespace(resource: Resource) -> Any:
    return _at(resource.properties, "metadata", "namespace") or "default"


def _is_open(rule: Mapping[str, Any]) -> bool:
    """An ingress rule whose `from` is empty lets everybody in, and so does the whole address space."""
    return not rule.get("from") or any(network.prefixlen == 0 for network in _networks(rule))


def _wide(rule: Mapping[str, Any], widest: Mapping[int, int]) -> Iterator[str]:
    """Ranges with more addresses than gateways have: pods, nodes and whoever else is in a network."""
    for network in _networks(rule):
        if 0 < network.prefixlen < widest[network.version]:
            yield str(network)


def _networks(rule: Mapping[str, Any]) -> Iterator[IPv4Network | IPv6Network]:
    for peer in rule.get("from") or ():
        if cidr := _at(peer, "ipBlock", "cidr"):
            yield ip_network(cidr, strict=False)


def _at(value: Any, *path: str) -> Any:
    """The value at a path, an empty mapping where there is none or where it is not known yet."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return {} if value is None or value is UNKNOWN else value
