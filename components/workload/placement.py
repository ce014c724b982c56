"""What a cluster and its gateway change about manifests: registries, pull secrets, the cloud's identity, reach.

Pure functions from manifest to manifest; an Application says nothing of any of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from access.stack import ClusterSettings, GatewaySettings
from components.workload.manifests import Manifest, Workload

_SERVICE_TYPES = {"loadBalancer": "LoadBalancer", "nodePort": "NodePort"}


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
    """A Service that the gateway reaches, of the type that it reaches it by."""
    kind = _SERVICE_TYPES.get(gateway.reach)
    if kind is None:
        return service
    metadata = service["metadata"]
    annotations = {**metadata.get("annotations", {}), **gateway.service_annotations}
    return {
        **service,
        "metadata": {**metadata, **({"annotations": annotations} if annotations else {})},
        "spec": {**service["spec"], "type": kind},
    }


def _filled(text: str, names: Mapping[str, str]) -> str:
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    return text
