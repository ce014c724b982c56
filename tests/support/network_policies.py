"""An evaluator of Kubernetes' NetworkPolicies, by the documentation of `networking.k8s.io/v1`.

It judges objects as a cluster has them, and shares no code with the program.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from tests.support.json_object import JsonObject


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod, or a host outside the pods of the cluster: its `namespace` is empty."""

    name: str
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    address: str = "10.244.0.9"


Triple = tuple[str, str, str]
"""The names of a source and a target, and a port."""


def pods_of(manifest: JsonObject) -> Iterator[Pod]:
    """Yield a pod of a workload, called like the workload."""
    template = manifest.get("spec", {}).get("template", {})
    if "spec" in template:
        about = manifest["metadata"]
        yield Pod(
            about["name"], about["namespace"], template["metadata"]["labels"]
        )


def passing(
    objects: Iterable[JsonObject],
    pods: Iterable[Pod],
    others: Iterable[Pod],
    ports: Iterable[str],
) -> set[Triple]:
    """Return each connection to these pods that passes in a cluster with these objects. Sources are
    the pods and `others`."""
    policies = [item for item in objects if item["kind"] == "NetworkPolicy"]
    pods = [*pods]
    return {
        (source.name, target.name, port)
        for source in [*pods, *others]
        for target in pods
        for port in ports
        if passes(policies, source, target, port)
    }


def passes(
    policies: Iterable[JsonObject], source: Pod, target: Pod, port: str
) -> bool:
    """Return whether the policies of a cluster let a connection pass; `port` is `80/TCP`.

    A pod that no Ingress policy selects accepts every connection.
    """
    isolated = False
    for policy in policies:
        spec = policy["spec"]
        here = policy["metadata"]["namespace"] == target.namespace
        types = spec.get("policyTypes", ["Ingress"])
        if not here or "Ingress" not in types:
            continue
        if not _selects(spec["podSelector"], target.labels):
            continue
        isolated = True
        for rule in spec.get("ingress", []):
            is_port = not rule.get("ports") or any(
                f"{entry.get('port')}/{entry.get('protocol', 'TCP')}" == port
                for entry in rule["ports"]
            )
            is_source = not rule.get("from") or any(
                _admits(peer, source, target.namespace) for peer in rule["from"]
            )
            if is_port and is_source:
                return True
    return not isolated


def _admits(peer: JsonObject, source: Pod, namespace: str) -> bool:
    if "ipBlock" in peer:
        block = peer["ipBlock"]
        ranges = [block["cidr"], *block.get("except", [])]
        first, *rest = (
            ip_address(source.address) in ip_network(text) for text in ranges
        )
        return first and not any(rest)
    if not source.namespace:
        return False
    if "namespaceSelector" in peer:
        # The API server writes this label on each namespace.
        labels = {"kubernetes.io/metadata.name": source.namespace}
        if not _selects(peer["namespaceSelector"], labels):
            return False
    elif source.namespace != namespace:
        return False
    return _selects(peer.get("podSelector", {}), source.labels)


def _selects(selector: JsonObject, labels: Mapping[str, str]) -> bool:
    assert set(selector) <= {"matchLabels"}, selector
    wanted = selector.get("matchLabels", {})
    return all(labels.get(key) == value for key, value in wanted.items())
