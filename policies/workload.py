"""Rules about the Kubernetes side: nothing else reaches a workload than what is meant to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policies.deployed import UNKNOWN, Deployment, Resource
from policies.rule import Finding, Settings

WORKLOADS = tuple(f"kubernetes:apps/v1:{kind}" for kind in ("Deployment", "StatefulSet", "DaemonSet"))
SERVICE, NETWORK_POLICY = "kubernetes:core/v1:Service", "kubernetes:networking.k8s.io/v1:NetworkPolicy"

_EVERYWHERE = ("0.0.0.0/0", "::/0")


def fenced_workloads(deployment: Deployment, _: Settings) -> Iterator[Finding]:
    """The pods behind a Service have a NetworkPolicy for what comes in, and it names who that is."""
    for workload in deployment.of(*WORKLOADS):
        if not any(_leads_to(service, workload) for service in deployment.of(SERVICE)):
            continue
        fences = [policy for policy in deployment.of(NETWORK_POLICY) if _fences(policy, workload)]
        if not fences:
            yield Finding(f"{workload.name} is behind a Service, and behind no NetworkPolicy", workload)
        for fence in fences:
            if any(_is_open(rule) for rule in _at(fence.properties, "spec", "ingress") or ()):
                yield Finding(f"{fence.name} lets everybody in to {workload.name}", fence)


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
    own = _at(workload.properties, "spec", "template", "metadata", "labels")
    return _namespace(selector) == _namespace(workload) and all(own.get(name) == labels[name] for name in labels)


def _namespace(resource: Resource) -> Any:
    return _at(resource.properties, "metadata", "namespace") or "default"


def _is_open(rule: Mapping[str, Any]) -> bool:
    """An ingress rule whose `from` is empty lets everybody in, and so does the whole address space."""
    peers = rule.get("from") or ()
    return not peers or any(_at(peer, "ipBlock", "cidr") in _EVERYWHERE for peer in peers)


def _at(value: Any, *path: str) -> Any:
    """The value at a path, an empty mapping where there is none or where it is not known yet."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return {} if value is None or value is UNKNOWN else value
