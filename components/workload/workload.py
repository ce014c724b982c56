"""Provisions a component's Kubernetes objects: its client's credential, its identity, its pods, who reaches them."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from kong_oam.access.model import Application, Component, Estate, service_name
from kong_oam.access.settings.stack import GatewaySettings, Settings
from kong_oam.kubernetes.manifests import Manifest
from kong_oam.kubernetes.placement import placed, reading

from ..identity.issuer import Issuer, SecretReference
from .cluster import Cluster
from .environment import Data, federation_audiences, secret_references, settings_of

_CREDENTIAL_DIGEST = "kong-oam.dev/client-credential"
_VERSION = "kong-oam.dev/version"
_TOKEN_FOLDER, _TOKEN = "/var/run/secrets/kong-oam.dev", "token"
_TOKEN_SECONDS = 3600


class Workload:
    """The Deployment, Services, ServiceAccount, NetworkPolicy, and the Secret of a client.

    `upstreams` is where the gateway reaches each port of the component's gateway traits. `rolled_out`: whether the pods
    that run are those that this run means; a run that leaves the Deployment out, or fails there, has others.
    """

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
        name = component.key
        options = cluster.within(component.namespace, parent)
        gateway = settings.gateway
        manifests = placed(application, component, settings)
        credential = settings_of(component, estate, issuers)
        references = secret_references(component, estate, issuers)
        secret = _secret(name, manifests.secret, credential, options) if manifests.secret else None
        account = k8s.core.v1.ServiceAccount(f"{name}-account", **_args(manifests.account), opts=options)
        policy = k8s.networking.v1.NetworkPolicy(f"{name}-ingress", **_args(manifests.policy), opts=options)
        services = {
            (called := service["metadata"]["name"]): k8s.core.v1.Service(
                f"{name}-service-{called}", **_args(service), opts=options
            )
            for service in manifests.services
        }
        for called, resource in services.items():
            cluster.waiting.watch(resource, [], _service_message(component.namespace, called))
        version = _digest(manifests.deployment)
        deployment = _deployment(manifests.deployment, account, secret, credential, references)
        manifest = _with_tokens(deployment, federation_audiences(component, estate, issuers))
        self.deployment = k8s.apps.v1.Deployment(
            f"{name}-deployment",
            **_args(_of_version(manifest, version)),
            opts=pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(depends_on=[policy, *after])),
        )
        cluster.waiting.watch(self.deployment, [policy, account, *after], _rollout_message(component))
        self.rolled_out = pulumi.Output.all(
            self.deployment.metadata.apply(lambda metadata: (metadata.annotations or {}).get(_VERSION) == version),
            self.deployment.status.apply(_available),
        ).apply(all)
        self.upstreams = {
            port: _upstream(services[service_name(component.name, trait)], port, gateway)
            for trait, ports in component.exposures
            for port in ports
        }


def _rollout_message(component: Component) -> str:
    kubectl = f"kubectl --namespace={component.namespace}"
    return (
        f"Deployment '{component.namespace}/{component.name}' has pods of this version that are not ready; after ten "
        f"minutes the run gives up. See {kubectl} get pods --selector=app.oam.dev/component={component.name}"
    )


def _service_message(namespace: str, name: str) -> str:
    return (
        f"Service '{namespace}/{name}' has no pods behind it that are ready, or no address of its load balancer; "
        f"after ten minutes the run gives up. See kubectl --namespace={namespace} describe service {name}"
    )


def _of_version(manifest: Manifest, version: str) -> Manifest:
    """Writes on the Deployment, not on its pods, which version of the component it is."""
    metadata = manifest["metadata"]
    return {**manifest, "metadata": {**metadata, "annotations": {**metadata.get("annotations", {}), _VERSION: version}}}


def _available(status: k8s.apps.v1.outputs.DeploymentStatus | None) -> bool:
    """Tells whether the pods of a Deployment's version were all there once, or nothing is said of it.

    The condition Progressing keeps its last reason: once all pods of a version were available it is
    NewReplicaSetAvailable until the next one begins, whatever happens to a pod (Kubernetes, Deployment status).
    """
    conditions = (status.conditions or ()) if status else ()
    progress = next((condition for condition in conditions if condition.type == "Progressing"), None)
    return progress is None or progress.reason == "NewReplicaSetAvailable"


@dataclass(frozen=True)
class Upstream:
    """The address at which the gateway finds one port of a component."""

    host: pulumi.Input[str]
    port: pulumi.Input[int]

    @property
    def address(self) -> pulumi.Output[str]:
        """`host:port`"""
        return pulumi.Output.concat(self.host, ":", pulumi.Output.from_input(self.port).apply(str))


def _args(manifest: Manifest) -> Manifest:
    return {_snake(key): value for key, value in manifest.items() if key not in ("apiVersion", "kind")}


def _snake(key: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in key)


def _upstream(service: k8s.core.v1.Service, port: int, gateway: GatewaySettings) -> Upstream:
    """Finds the upstream: by name inside the cluster, else by the load balancer or the node port of the Service."""
    match gateway.reach:
        case "loadBalancer":
            return Upstream(service.status.apply(_balancer), port)
        case "nodePort":
            return Upstream(gateway.node_address or "", service.spec.apply(lambda spec: _node_port(spec, port)))
        case _:
            return Upstream(service.metadata.apply(_dns_name), port)


def _dns_name(metadata: k8s.meta.v1.outputs.ObjectMeta) -> str:
    return f"{metadata.name}.{metadata.namespace}.svc.cluster.local"


def _balancer(status: k8s.core.v1.outputs.ServiceStatus | None) -> str:
    """Reads the address of the load balancer. Raises LookupError where it has none: nothing is routed to nowhere."""
    ingress = status.load_balancer.ingress if status and status.load_balancer else None
    address = (ingress[0].ip or ingress[0].hostname) if ingress else None
    if not address:
        raise LookupError("the Service's load balancer has no address yet; run `pulumi up` again once it has")
    return str(address)


def _node_port(spec: k8s.core.v1.outputs.ServiceSpec, port: int) -> int:
    """Reads the node port of a Service's port. Raises LookupError where the cluster gave none."""
    for entry in spec.ports or ():
        if entry.port == port and entry.node_port:
            return int(entry.node_port)
    raise LookupError(f"the Service has no node port for port {port}; is its type NodePort?")


def _deployment(
    planned: Manifest,
    account: k8s.core.v1.ServiceAccount,
    secret: k8s.core.v1.Secret | None,
    credential: Data,
    references: Mapping[str, SecretReference],
) -> Manifest:
    """Completes the planned Deployment with the names of account and Secret, as the resources give them. `references`,
    by variable, are secrets that lie in Secrets of somebody else's."""
    manifest = reading(planned, secret.metadata.apply(_name)) if secret is not None else copy.deepcopy(planned)
    template = manifest["spec"]["template"]
    template["spec"]["serviceAccountName"] = account.metadata.apply(_name)
    if secret is not None:
        if references:
            variables = [_variable(name, reference) for name, reference in references.items()]
            _add_variables(template["spec"]["containers"][0], variables)
        # A new credential rolls the pods. The digest is of a high-entropy secret and says nothing about it.
        digest = _detached(pulumi.Output.unsecret(pulumi.Output.all(**credential).apply(_digest)))
        template["metadata"]["annotations"] = {
            **template["metadata"].get("annotations", {}),
            _CREDENTIAL_DIGEST: digest,
        }
    return manifest


def _with_tokens(manifest: Manifest, audiences: Mapping[str, str]) -> Manifest:
    """Adds a token of the ServiceAccount in a file for each of these audiences, by the variable that names the file.

    The kubelet renews such a token long before it runs out (projected volumes, serviceAccountToken).
    """
    pod = manifest["spec"]["template"]["spec"]
    container = pod["containers"][0]
    for variable, audience in sorted(audiences.items()):
        name = variable.lower().replace("_", "-")
        token = {"serviceAccountToken": {"audience": audience, "expirationSeconds": _TOKEN_SECONDS, "path": _TOKEN}}
        pod["volumes"] = [*pod.get("volumes", ()), {"name": name, "projected": {"sources": [token]}}]
        mount = {"name": name, "mountPath": f"{_TOKEN_FOLDER}/{name}", "readOnly": True}
        container["volumeMounts"] = [*container.get("volumeMounts", ()), mount]
        _add_variables(container, [{"name": variable, "value": f"{_TOKEN_FOLDER}/{name}/{_TOKEN}"}])
    return manifest


def _add_variables(container: Manifest, variables: Sequence[Manifest]) -> None:
    """Adds variables before the component's own, which win: of one name there is one."""
    of_component = container.get("env", ())
    names = {variable["name"] for variable in of_component}
    container["env"] = [*(variable for variable in variables if variable["name"] not in names), *of_component]


def _variable(name: str, reference: SecretReference) -> Manifest:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": reference.name, "key": reference.key}}}


def _name(metadata: k8s.meta.v1.outputs.ObjectMeta) -> str:
    return str(metadata.name)


def _detached(value: pulumi.Output[str]) -> pulumi.Output[str]:
    """Gives the value without its dependencies: the pods come after the Secret, which comes after all of that.

    Where the engine deletes a client before it replaces it, it first deletes what its plugin would replace if what
    comes from the client were unknown. A Deployment without a `spec` is that, by the stand-in: its pods would go.
    """
    future = value.future(with_unknowns=True)
    return pulumi.Output(set(), future, value.is_known(), value.is_secret())  # type: ignore[arg-type]


def _digest(data: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(dict(data), sort_keys=True).encode()).hexdigest()[:16]


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


def _secret(name: str, manifest: Manifest, credential: Data, options: pulumi.ResourceOptions) -> k8s.core.v1.Secret:
    data = {key: pulumi.Output.from_input(value).apply(_base64) for key, value in credential.items()}
    return k8s.core.v1.Secret(
        f"{name}-client",
        **_args(manifest),
        # Not `string_data`: nobody would own what that becomes, and a key that goes would stay in the Secret.
        data=pulumi.Output.secret(data),
        opts=options,
    )
