"""Make the objects that the program adds to every component, as dicts in Kubernetes' format.

They are a ServiceAccount, NetworkPolicies that admit only the gateway, the Secret of a client, and
Services for pods of other owners. `webservice` makes the Deployment and the Services of a
webservice or worker.

Pure functions; the same workload always gives the same objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kong_oam.oam.model import NAMESPACE_LABEL
from kong_oam.oam.position import Fields, Names, Texts
from kong_oam.objects.pods import Manifest
from kong_oam.objects.selection import APPLICATION, COMPONENT, NamedService

# Annotations of an Application that KubeVela does not pass on (`DefaultFilterAnnots` in its
# apis/types).
_DROPPED_ANNOTATIONS = frozenset(
    {
        "app.oam.dev/inplace-upgrade",
        "app.oam.dev/last-applied-configuration",
        "filter.oam.dev/annotation-keys",
        "filter.oam.dev/label-keys",
        "kubectl.kubernetes.io/last-applied-configuration",
    }
)

# Suffixes of domains, each with a leading dot.
_CONTROLLER_DOMAINS = (".konghq.com", ".ingress.kubernetes.io")


@dataclass(frozen=True, slots=True)
class Exposure:
    """A gateway trait: the Service `<component>`, or `<component>-<name>`, with these TCP ports (1
    to 65535)."""

    name: str | None
    ports: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Workload:
    """A running component. `labels` and `annotations` are the Application's; `type` is webservice
    or worker."""

    application: str
    namespace: str
    component: str
    type: str
    properties: Fields
    labels: Texts
    annotations: Texts
    exposures: tuple[Exposure, ...]


@dataclass(frozen=True, slots=True)
class GatewayPeer:
    """The origin of the gateway's connections: pods in the cluster, addresses outside (CIDR), or
    both."""

    namespace: str | None
    pod_labels: Texts
    cidrs: Names = ()


@dataclass(frozen=True, slots=True)
class AdmittedPort:
    """A port that the pods of other components may connect to: their namespaces and labels."""

    port: int
    protocol: str
    pods: tuple[tuple[str, Texts], ...]


def service_name(component: str, trait: str | None) -> str:
    """Return the name of a gateway trait's Service, by KubeVela's rule. `trait` is the trait's
    `name`."""
    return component if trait is None else f"{component}-{trait}"


def client_secret_name(component: str) -> str:
    """Return the name of the Secret with the credentials of a component's client."""
    return f"{component}-client"


def service_account(w: Workload) -> Manifest:
    """Return the ServiceAccount of the pods, named like the component. Pods get no API token."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": auxiliary(
            w, w.component, "AuxiliaryWorkload", "serviceAccount"
        ),
        "automountServiceAccountToken": False,
    }


def network_policy(
    w: Workload,
    gateway: GatewayPeer,
    ports: Sequence[int],
    admitted: Iterable[AdmittedPort] = (),
    name: str | None = None,
) -> Manifest:
    """Return the NetworkPolicy of the pods. It lets the gateway connect to these container ports,
    and other pods to `admitted` ports. `name` defaults to the component's.

    Ports that are only exposed stay closed: components call each other through the gateway.
    """
    peers: list[Manifest] = [
        {"ipBlock": {"cidr": cidr}} for cidr in gateway.cidrs
    ]
    if gateway.namespace:
        peers.insert(0, _pods_peer(gateway.namespace, gateway.pod_labels))
    ingress: list[Manifest] = []
    # A rule without ports would allow all ports, and a rule without peers all callers.
    if ports and peers:
        tcp_ports = [{"protocol": "TCP", "port": port} for port in ports]
        ingress.append({"from": peers, "ports": tcp_ports})
    for other in admitted:
        other_pods = [_pods_peer(*pods) for pods in other.pods]
        port = {"protocol": other.protocol, "port": other.port}
        if other_pods:
            ingress.append({"from": other_pods, "ports": [port]})
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": auxiliary(
            w, name or w.component, "AuxiliaryWorkload", "networkPolicy"
        ),
        "spec": {
            "podSelector": {
                "matchLabels": {
                    APPLICATION: w.application,
                    COMPONENT: w.component,
                }
            },
            "policyTypes": ["Ingress"],
            "ingress": ingress,
        },
    }


def _pods_peer(namespace: str, labels: Texts) -> Manifest:
    return {
        "namespaceSelector": {
            "matchLabels": {"kubernetes.io/metadata.name": namespace}
        },
        "podSelector": {"matchLabels": dict(labels)},
    }


def named_service(w: Workload, named: NamedService) -> Manifest:
    """Return the Service for the pods behind a Service of another owner."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": auxiliary(
            w, named.ours, "AuxiliaryWorkload", "namedService"
        ),
        "spec": {
            "selector": dict(named.labels),
            "ports": [
                {
                    "name": f"port-{named.port}",
                    "port": named.port,
                    "targetPort": named.target,
                }
            ],
        },
    }


def named_policy(
    w: Workload,
    named: NamedService,
    gateway: GatewayPeer,
    ports: Sequence[int],
    admitted: Iterable[AdmittedPort],
) -> Manifest:
    """Return the NetworkPolicy for the pods behind a Service of another owner. Policies of a chart
    add to it."""
    policy = network_policy(w, gateway, ports, admitted)
    metadata = auxiliary(
        w, named.ours, "AuxiliaryWorkload", "namedNetworkPolicy"
    )
    spec = {
        **policy["spec"],
        "podSelector": {"matchLabels": dict(named.labels)},
    }
    return {**policy, "metadata": metadata, "spec": spec}


def client_secret(w: Workload) -> Manifest:
    """Return the Secret for the credentials of the component's client, without data."""
    name = client_secret_name(w.component)
    metadata = auxiliary(w, name, "AuxiliaryWorkload", "client")
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": "Opaque",
    }


def without_controller_keys(annotations: Fields) -> Manifest:
    """Return the annotations without keys that an ingress controller reads."""
    return {
        key: value
        for key, value in annotations.items()
        if not _is_for_controllers(key)
    }


def object_metadata(
    w: Workload, name: str, role: Texts, more: Texts
) -> Manifest:
    """Return an object's metadata, with KubeVela's labels and the Application's annotations."""
    dropped = _listed(w, "filter.oam.dev/label-keys")
    labels = {
        key: value for key, value in w.labels.items() if key not in dropped
    }
    # KubeVela's offline rendering has no revision either; tools may select on the label.
    identity = {
        "name": w.application,
        "namespace": w.labels.get(NAMESPACE_LABEL, w.namespace),
        "component": w.component,
        "appRevision": "",
        **role,
    }
    for key, value in identity.items():
        labels[f"app.oam.dev/{key}"] = value
    labels |= more
    metadata: Manifest = {
        "name": name,
        "namespace": w.namespace,
        "labels": labels,
    }
    if annotations := _annotations(w):
        metadata["annotations"] = annotations
    return metadata


def auxiliary(w: Workload, name: str, trait: str, key: str) -> Manifest:
    """Return the metadata of an object beside the workload, with KubeVela's labels."""
    more = {"trait.oam.dev/type": trait, "trait.oam.dev/resource": key}
    return object_metadata(w, name, {"resourceType": "TRAIT"}, more)


def _annotations(w: Workload) -> dict[str, str]:
    dropped = _DROPPED_ANNOTATIONS | _listed(
        w, "filter.oam.dev/annotation-keys"
    )
    return {
        key: value
        for key, value in without_controller_keys(w.annotations).items()
        if key not in dropped
    }


def _listed(w: Workload, annotation: str) -> frozenset[str]:
    listed = w.annotations.get(annotation)
    return (
        frozenset(map(str.strip, listed.split(","))) if listed else frozenset()
    )


def _is_for_controllers(key: str) -> bool:
    """Tell whether an ingress controller reads an annotation, which would configure the gateway
    past the rules."""
    if key.startswith("kubernetes.io/ingress."):
        return True
    return f".{key.partition('/')[0]}".endswith(_CONTROLLER_DOMAINS)
