"""Places a component's objects on this stack's cluster, which with its gateway changes the manifests of a workload.

Registries, pull secrets, the cloud's identity, reach: an Application says nothing of any of it. Pure functions.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kong_oam.access.model import Application, Component, Estate, service_name
from kong_oam.access.settings.stack import ClusterSettings, GatewaySettings, Settings
from kong_oam.kubernetes import manifests
from kong_oam.kubernetes.manifests import Manifest, Workload

_SERVICE_TYPES = {"loadBalancer": "LoadBalancer", "nodePort": "NodePort"}


@dataclass(frozen=True, slots=True)
class Placed:
    """A component's objects, without what only a run knows of its client. `secret` None: it is no client."""

    deployment: Manifest
    services: tuple[Manifest, ...]
    account: Manifest
    policy: Manifest
    secret: Manifest | None

    def objects(self) -> tuple[Manifest, ...]:
        """All objects, with the Secret that the pods of a client read."""
        if self.secret is None:
            return (self.deployment, *self.services, self.account, self.policy)
        deployment = reading(self.deployment, self.secret["metadata"]["name"])
        return (deployment, *self.services, self.account, self.policy, self.secret)


def placed(application: Application, component: Component, settings: Settings) -> Placed:
    """The component's objects on this stack."""
    workload = _lowered(application, component, settings)
    gateway = settings.gateway
    reached = {service_name(component.name, trait) for trait, _ in component.exposures}
    return Placed(
        manifests.deployment(workload),
        tuple(
            placed_service(service, gateway) if service["metadata"]["name"] in reached else service
            for service in manifests.services(workload)
        ),
        placed_account(manifests.service_account(workload), settings.stack.name, workload, settings.cluster),
        manifests.network_policy(workload, manifests.GatewayPeer(gateway.namespace, gateway.pod_labels, gateway.cidrs)),
        manifests.client_secret(workload) if component.clients else None,
    )


def objects_of(estate: Estate, settings: Settings) -> Iterator[Manifest]:
    """The objects of every component that runs on this stack."""
    for application in estate.applications:
        for component in application.components:
            if not component.outside:
                yield from placed(application, component, settings).objects()


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


def _lowered(application: Application, component: Component, settings: Settings) -> Workload:
    return Workload(
        application=component.application,
        namespace=component.namespace,
        component=component.name,
        type=component.type,
        properties=placed_properties(component.properties, settings.cluster),
        labels=application.labels,
        annotations=application.annotations,
        exposures=tuple(manifests.Exposure(trait, ports) for trait, ports in component.exposures),
    )


def _filled(text: str, names: Mapping[str, str]) -> str:
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    return text
