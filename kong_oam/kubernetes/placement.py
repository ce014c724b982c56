"""Places a component's objects on this stack's cluster, which with its gateway changes the manifests of a workload.

Registries, pull secrets, the cloud's identity, reach: an Application says nothing of any of it. Pure functions.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kong_oam.access.edge.upstream_tls import names_at
from kong_oam.access.lowered import workload_of
from kong_oam.access.model import Application, Component
from kong_oam.access.settings.cluster import ClusterSettings
from kong_oam.access.settings.stack import GatewaySettings, Settings
from kong_oam.objects import manifests
from kong_oam.objects.component import STACK
from kong_oam.objects.manifests import GatewayPeer, Workload
from kong_oam.objects.pods import Manifest
from kong_oam.objects.tls import certificate, mounting

_SERVICE_TYPES = {"loadBalancer": "LoadBalancer", "nodePort": "NodePort"}


@dataclass(frozen=True, slots=True)
class Placed:
    """A component's objects, without what only a run knows of its client. `secret` None: it is no client;
    `certificate`: what cert-manager is asked for, if anything."""

    deployment: Manifest
    services: tuple[Manifest, ...]
    account: Manifest
    policy: Manifest
    secret: Manifest | None
    certificate: Manifest | None = None

    def objects(self) -> tuple[Manifest, ...]:
        """All objects, with the Secret that the pods of a client read."""
        asked_for = () if self.certificate is None else (self.certificate,)
        if self.secret is None:
            return (self.deployment, *self.services, self.account, self.policy, *asked_for)
        deployment = reading(self.deployment, self.secret["metadata"]["name"])
        return (deployment, *self.services, self.account, self.policy, self.secret, *asked_for)

    def named(self, component: Component) -> Iterator[tuple[str, Manifest]]:
        """Yields all objects, each with the name that it has in the state."""
        name = component.state_name
        yield f"{name}-deployment", self.deployment
        for service in self.services:
            yield f"{name}-service-{service['metadata']['name']}", service
        yield f"{name}-account", self.account
        yield f"{name}-ingress", self.policy
        if self.secret is not None:
            yield f"{name}-client", self.secret
        if self.certificate is not None:
            yield f"{name}-tls", self.certificate


def placed(application: Application, component: Component, settings: Settings) -> Placed:
    """The component's objects on this stack."""
    properties = placed_properties(component.properties, settings.cluster)
    workload = workload_of(component, application.labels, application.annotations, properties)
    gateway = settings.gateway
    reached = reached_services(component)
    deployment = manifests.deployment(workload)
    template = deployment["spec"]["template"]
    template["spec"] = given_certificate(template["spec"], component)
    services = [
        placed_service(service, gateway) if service["metadata"]["name"] in reached else keeping_callers(service)
        for service in manifests.services(workload)
    ]
    stack = settings.stack.name
    account = placed_account(manifests.service_account(workload), stack, workload, settings.cluster)
    policy = manifests.network_policy(workload, gateway_peer(component, gateway))
    certificate = asked_certificate(workload, component)
    return Placed(
        of_stack(deployment, stack),
        tuple(of_stack(service, stack) for service in services),
        of_stack(account, stack),
        of_stack(policy, stack),
        of_stack(manifests.client_secret(workload), stack) if component.clients else None,
        of_stack(certificate, stack) if certificate else None,
    )


def of_stack(manifest: Manifest, stack: str) -> Manifest:
    """The object with a label that names the stack, so that no other stack takes the object for its own."""
    metadata = manifest["metadata"]
    return {**manifest, "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), STACK: stack}}}


def given_certificate(pod: Manifest, component: Component) -> Manifest:
    """A pod's spec with the certificate that the component's workload shows, if it gets one."""
    over_tls = component.edge.upstream_tls
    return mounting(pod, over_tls.secret, over_tls.mount_path) if over_tls and over_tls.secret else pod


def asked_certificate(workload: Workload, component: Component) -> Manifest | None:
    """What cert-manager is asked for: a certificate for the Services at whose ports the component speaks TLS."""
    over_tls = component.edge.upstream_tls
    if over_tls is None or over_tls.issuer is None:
        return None
    services = {endpoint.service: None for endpoint in component.endpoints if endpoint.port in over_tls.ports}
    names = [name for service in services for name in names_at(service, component.namespace)]
    return certificate(workload, names, (over_tls.issuer.kind, over_tls.issuer.name))


def reached_services(component: Component) -> frozenset[str]:
    """The Services that the gateway reaches: those of the component's first place."""
    return frozenset() if component.copied else frozenset(service for service, _ in component.exposures)


def gateway_peer(component: Component, gateway: GatewaySettings) -> GatewayPeer:
    """Whom the component's fence lets in. In further clusters the gateway has no pods, whatever runs there under its
    labels; and to a copy it does not lead at all."""
    if component.copied:
        return GatewayPeer(None, {})
    if component.cluster:
        return GatewayPeer(None, {}, gateway.cidrs)
    return GatewayPeer(gateway.namespace, gateway.pod_labels, gateway.cidrs)


def reading(deployment: Manifest, secret: Any) -> Manifest:
    """The Deployment with the variables of a Secret of this name. The component's own `env` wins over them, as
    Kubernetes has it."""
    copied = copy.deepcopy(deployment)
    copied["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"secretRef": {"name": secret}}]
    return copied


def mapped_image(image: str, images: Mapping[str, str]) -> str:
    """The image where this environment keeps it. The longest prefix that ends at a `/` or `:` wins.

    `registry.example.com/orders:1.4` with {registry.example.com: eu.gcr.io/acme} is `eu.gcr.io/acme/orders:1.4`.
    """
    for prefix in sorted(images, key=len, reverse=True):
        rest = image.removeprefix(prefix)
        if image.startswith(prefix) and (not rest or rest[0] in "/:@"):
            return images[prefix] + rest
    return image


def placed_properties(properties: Mapping[str, Any], cluster: ClusterSettings) -> Mapping[str, Any]:
    """A component's properties with this environment's image and pull secrets."""
    placed = {**properties, "image": mapped_image(properties["image"], cluster.images)}
    secrets = [*properties.get("imagePullSecrets", ()), *cluster.pull_secrets]
    return {**placed, "imagePullSecrets": list(dict.fromkeys(secrets))} if secrets else placed


def placed_account(account: Manifest, stack: str, workload: Workload, cluster: ClusterSettings) -> Manifest:
    """The ServiceAccount with the cloud's identity (IRSA on EKS, Workload Identity on GKE) as annotations."""
    if not cluster.account_annotations:
        return account
    names = {
        "stack": stack,
        "application": workload.application,
        "component": workload.component,
        "namespace": workload.namespace,
    }
    metadata = account["metadata"]
    filled = {key: _filled(value, names) for key, value in cluster.account_annotations.items()}
    return {**account, "metadata": {**metadata, "annotations": {**metadata.get("annotations", {}), **filled}}}


def placed_service(service: Manifest, gateway: GatewaySettings) -> Manifest:
    """A Service that the gateway reaches, of the type that it reaches it by.

    From outside, connections keep the gateway's address, which the NetworkPolicy goes by: none is handed on from
    another node, which would put its own in the place.
    """
    kind = _SERVICE_TYPES.get(gateway.reach)
    if kind is None:
        return service
    metadata = service["metadata"]
    annotations = {**metadata.get("annotations", {}), **gateway.service_annotations}
    return {
        **service,
        "metadata": {**metadata, **({"annotations": annotations} if annotations else {})},
        "spec": {**service["spec"], "type": kind, "externalTrafficPolicy": "Local"},
    }


def answers_outside(service: Manifest) -> bool:
    """Whether a Service has an address outside the cluster."""
    return service["spec"].get("type") in _SERVICE_TYPES.values()


def keeping_callers(service: Manifest) -> Manifest:
    """A Service that no route leads to. Where it answers outside, as the stack lets it, connections keep the address
    that they come from, so that the NetworkPolicy knows them from the gateway's and from those of nodes."""
    if not answers_outside(service):
        return service
    return {**service, "spec": {**service["spec"], "externalTrafficPolicy": "Local"}}


def _filled(text: str, names: Mapping[str, str]) -> str:
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    return text
