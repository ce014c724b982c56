"""Provisions a component's Kubernetes objects: its client's credential, its identity, its pods, who reaches them."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import partial

import pulumi
import pulumi_kubernetes as k8s

from kong_oam.access.model import Application, Component, Estate
from kong_oam.access.settings.stack import GatewaySettings, Settings
from kong_oam.kubernetes.placement import placed, reading
from kong_oam.objects.pods import Manifest

from ..identity.issuer import Issuer, SecretReference
from .cluster import Cluster
from .credential import CREDENTIAL_DIGEST, add_references, add_tokens, digest_of, provision_secret
from .environment import Data, federation_audiences, granted_to, secret_references, settings_of
from .manifest import VERSION, args, digest, of_version
from .objects import KubernetesObject
from .upstream import Upstream, balancer_of, node_port_of, upstream_of


class Workload:
    """The Deployment, Services, ServiceAccount, NetworkPolicy, and the Secret of a client: a `Running`. A copy has no
    upstreams."""

    def __init__(
        self,
        application: Application,
        component: Component,
        estate: Estate,
        settings: Settings,
        issuers: Mapping[str, Issuer],
        cluster: Cluster,
        after: Sequence[pulumi.Resource],
        parent: pulumi.Resource,
    ) -> None:
        name = component.state_name
        options = cluster.within(component.namespace, parent)
        gateway = settings.gateway
        manifests = placed(application, component, settings)
        credential = settings_of(component, estate, issuers)
        references = secret_references(component, estate, issuers)
        granted = granted_to(component, issuers)
        secret = provision_secret(name, manifests.secret, credential, granted, options) if manifests.secret else None
        account = k8s.core.v1.ServiceAccount(f"{name}-account", **args(manifests.account), opts=options)
        policy = k8s.networking.v1.NetworkPolicy(f"{name}-ingress", **args(manifests.policy), opts=options)
        services = {
            (called := service["metadata"]["name"]): k8s.core.v1.Service(
                f"{name}-service-{called}", **args(service), opts=options
            )
            for service in manifests.services
        }
        for called, resource in services.items():
            cluster.waiting.watch(resource, [], _service_message(cluster.kubectl, component.namespace, called))
        if manifests.certificate:
            after = [*after, KubernetesObject(f"{name}-tls", manifests.certificate, options)]
        version = digest(manifests.deployment)
        audiences = federation_audiences(component, estate, issuers)
        manifest = _deployment(manifests.deployment, account, secret, credential, references, audiences)
        deployment = k8s.apps.v1.Deployment(
            f"{name}-deployment",
            **args(of_version(manifest, version)),
            opts=pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(depends_on=[policy, *after])),
        )
        self.resources: Sequence[pulumi.Resource] = (deployment,)
        cluster.waiting.watch(deployment, [policy, account, *after], _rollout_message(cluster.kubectl, component))
        self.rolled_out = pulumi.Output.all(
            deployment.metadata.apply(lambda metadata: (metadata.annotations or {}).get(VERSION) == version),
            deployment.status.apply(_available),
        ).apply(all)
        self.upstreams = {
            name: _upstream(services[backend.service], backend.port, gateway)
            for name, backend in component.backends.items()
            if not component.copied
        }


def _rollout_message(kubectl: str, component: Component) -> str:
    kubectl = f"{kubectl} --namespace={component.namespace}"
    return (
        f"Deployment '{component.namespace}/{component.name}' has pods of this version that are not ready; after ten "
        f"minutes the run gives up. See {kubectl} get pods --selector=app.oam.dev/component={component.name}"
    )


def _service_message(kubectl: str, namespace: str, name: str) -> str:
    return (
        f"Service '{namespace}/{name}' has no pods behind it that are ready, or no address of its load balancer; "
        f"after ten minutes the run gives up. See {kubectl} --namespace={namespace} describe service {name}"
    )


def _available(status: k8s.apps.v1.outputs.DeploymentStatus | None) -> bool:
    """Tells whether the pods of a Deployment's version were all there once, or nothing is said of it.

    The condition Progressing keeps its last reason: once all pods of a version were available it is
    NewReplicaSetAvailable until the next one begins, whatever happens to a pod (Kubernetes, Deployment status).
    """
    conditions = (status.conditions or ()) if status else ()
    progress = next((condition for condition in conditions if condition.type == "Progressing"), None)
    return progress is None or progress.reason == "NewReplicaSetAvailable"


def _upstream(service: k8s.core.v1.Service, port: int, gateway: GatewaySettings) -> Upstream:
    return upstream_of(
        gateway,
        port,
        lambda: service.metadata.apply(_dns_name),
        lambda: service.status.apply(_balancer),
        lambda: service.spec.apply(partial(_node_port, port=port)),
    )


def _dns_name(metadata: k8s.meta.v1.outputs.ObjectMeta) -> str:
    return f"{metadata.name}.{metadata.namespace}.svc.cluster.local"


def _balancer(status: k8s.core.v1.outputs.ServiceStatus | None) -> str:
    ingress = status.load_balancer.ingress if status and status.load_balancer else None
    return balancer_of((entry.ip, entry.hostname) for entry in ingress or ())


def _node_port(spec: k8s.core.v1.outputs.ServiceSpec, port: int) -> int:
    return node_port_of(((one.port, one.node_port) for one in spec.ports or ()), port)


def _deployment(
    planned: Manifest,
    account: k8s.core.v1.ServiceAccount,
    secret: k8s.core.v1.Secret | None,
    credential: Data,
    references: Mapping[str, SecretReference],
    audiences: Mapping[str, str],
) -> Manifest:
    """Completes the planned Deployment with the names of account and Secret, as the resources give them. `references`,
    by variable, are secrets that lie in Secrets of somebody else's; `audiences` those of tokens that it needs."""
    manifest = reading(planned, secret.metadata.apply(_name)) if secret is not None else copy.deepcopy(planned)
    template = manifest["spec"]["template"]
    template["spec"]["serviceAccountName"] = account.metadata.apply(_name)
    containers = template["spec"]["containers"][:1]
    if secret is not None:
        add_references(containers, references)
        template["metadata"]["annotations"] = {
            **template["metadata"].get("annotations", {}),
            CREDENTIAL_DIGEST: digest_of(credential),
        }
    add_tokens(template["spec"], containers, audiences)
    return manifest


def _name(metadata: k8s.meta.v1.outputs.ObjectMeta) -> str:
    return str(metadata.name)
