"""Adapt a component's objects to the stack's cluster and gateway.

The settings of the stack cover registries, pull secrets, the cloud's identity and the gateway's
reach. Pure functions.
"""

from __future__ import annotations

from kong_oam.access.model import Component
from kong_oam.access.settings.values import ClusterSettings, GatewaySettings
from kong_oam.oam.position import Texts
from kong_oam.objects.manifests import AdmittedPort, GatewayPeer, Workload
from kong_oam.objects.pods import Manifest, mapping
from kong_oam.objects.selection import STACK
from kong_oam.objects.tls import certificate, with_mount
from kong_oam.traits.upstream_tls.value import UPSTREAM_TLS, names_at

_SERVICE_TYPES = {"loadBalancer": "LoadBalancer", "nodePort": "NodePort"}


def with_stack_label(manifest: Manifest, stack: str) -> Manifest:
    """Return the object with a label for the stack, so that no other stack manages it."""
    metadata = manifest["metadata"]
    labels = {**(metadata.get("labels") or {}), STACK: stack}
    return {**manifest, "metadata": {**metadata, "labels": labels}}


def annotated(manifest: Manifest, annotations: Texts) -> Manifest:
    """Return the object with more annotations."""
    metadata = manifest["metadata"]
    all_of_them = {**mapping(metadata.get("annotations")), **annotations}
    return {**manifest, "metadata": {**metadata, "annotations": all_of_them}}


def with_certificate(pod: Manifest, component: Component) -> Manifest:
    """Return a pod spec with the certificate of the component's workload, if it has one."""
    over_tls = component.traits.get(UPSTREAM_TLS)
    if over_tls is None or not over_tls.secret:
        return pod
    return with_mount(pod, over_tls.secret, over_tls.mount_path)


def requested_certificate(
    workload: Workload, component: Component
) -> Manifest | None:
    """Return the cert-manager Certificate for the Services on which the component speaks TLS, or
    None."""
    over_tls = component.traits.get(UPSTREAM_TLS)
    if over_tls is None or over_tls.issuer is None:
        return None
    services: dict[str, None] = {}
    for endpoint in component.exposure.endpoints:
        if endpoint.port in over_tls.ports:
            services[endpoint.service] = None
    names: list[str] = []
    for service in services:
        names += names_at(service, component.workload.namespace)
    return certificate(
        workload, names, (over_tls.issuer.kind, over_tls.issuer.name)
    )


def reached_services(component: Component) -> frozenset[str]:
    """Return the Services that the gateway calls: those at the component's first target."""
    if component.workload.further_target:
        return frozenset()
    return frozenset(service for service, _ in component.exposure.services)


def gateway_peer(component: Component, gateway: GatewaySettings) -> GatewayPeer:
    """Return the peer that a component's NetworkPolicy admits. In further clusters the gateway has
    only addresses, no pods. Copies of a component have no route."""
    if component.workload.further_target:
        return GatewayPeer(None, {})
    if component.workload.cluster:
        return GatewayPeer(None, {}, gateway.cidrs)
    return GatewayPeer(gateway.namespace, gateway.pod_labels, gateway.cidrs)


def admitted_ports(component: Component) -> list[AdmittedPort]:
    """Return the ports that other pods in the component's cluster may connect to."""
    cluster = component.workload.cluster
    pods: dict[tuple[int, str], list[tuple[str, Texts]]] = {}
    for connection in component.connections:
        callers = pods.setdefault((connection.port, connection.protocol), [])
        for group in connection.pods:
            if group.cluster == cluster:
                callers.append((group.namespace, group.labels))
    return [
        AdmittedPort(*port, tuple(callers)) for port, callers in pods.items()
    ]


def placed_account(
    account: Manifest, stack: str, workload: Workload, cluster: ClusterSettings
) -> Manifest:
    """Return the ServiceAccount with annotations for the cloud's identity (IRSA on EKS, Workload
    Identity on GKE)."""
    if not cluster.account_annotations:
        return account
    names = {
        "stack": stack,
        "application": workload.application,
        "component": workload.component,
        "namespace": workload.namespace,
    }
    return annotated(
        account,
        {
            key: _filled(value, names)
            for key, value in cluster.account_annotations.items()
        },
    )


def placed_service(service: Manifest, gateway: GatewaySettings) -> Manifest:
    """Return a Service of the type with which the gateway reaches it.

    From outside, connections must keep the gateway's address for the NetworkPolicy, so nodes must
    not forward them.
    """
    kind = _SERVICE_TYPES.get(gateway.reach)
    if kind is None:
        return service
    placed = (
        annotated(service, gateway.service_annotations)
        if gateway.service_annotations
        else service
    )
    return {
        **placed,
        "spec": {
            **service["spec"],
            "type": kind,
            "externalTrafficPolicy": "Local",
        },
    }


def answers_outside(service: Manifest) -> bool:
    """Tell whether a Service has an address outside the cluster."""
    return service["spec"].get("type") in _SERVICE_TYPES.values()


def with_source_addresses(service: Manifest) -> Manifest:
    """Return an open Service without a route. Connections keep their source address, so that the
    NetworkPolicy distinguishes them from the gateway's."""
    return {
        **service,
        "spec": {**service["spec"], "externalTrafficPolicy": "Local"},
    }


def _filled(text: str, names: Texts) -> str:
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    return text
