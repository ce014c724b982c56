"""A component's Kubernetes objects as resources: its client's credential, its identity, its pods, who reaches them."""

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
from .environment import Data, federated_of, kept_of, settings_of

_CREDENTIAL_DIGEST = "kong-oam.dev/client-credential"
_VERSION = "kong-oam.dev/version"
_TOKEN_FOLDER, _TOKEN = "/var/run/secrets/kong-oam.dev", "token"
_TOKEN_SECONDS = 3600


class Workload:
    """Deployment, Services, ServiceAccount, NetworkPolicy, and the Secret of a client.

    `upstreams` is where the gateway reaches each port of the component's gateway traits. `rolled_out`: whether the pods
    that run are those that this run means; a run that leaves the Deployment out, or fails there, has others.
    """

    def __init__(
        self,
        application: Application,
        component: Component,
        estate: Estate,
        settings: Settings,
        identities: Mapping[str, Issuer],
        cluster: Cluster,
        after: Sequence[pulumi.Resource],
        parent: pulumi.Resource,
    ) -> None:
        name = component.key
        options = cluster.within(component.namespace, parent)
        gateway = settings.gateway
        meant = placed(application, component, settings)
        credential = settings_of(component, estate, identities)
        kept, federated = kept_of(component, estate, identities), federated_of(component, estate, identities)
        secret = _secret(name, meant.secret, credential, options) if meant.secret else None
        account = k8s.core.v1.ServiceAccount(f"{name}-account", **_args(meant.account), opts=options)
        policy = k8s.networking.v1.NetworkPolicy(f"{name}-ingress", **_args(meant.policy), opts=options)
        services = {
            (named := one["metadata"]["name"]): k8s.core.v1.Service(
                f"{name}-service-{named}", **_args(one), opts=options
            )
            for one in meant.services
        }
        for named, service in services.items():
            cluster.waiting.watch(service, [], _served(component.namespace, named))
        version = _digest(meant.deployment)
        manifest = _with_tokens(_deployment(meant.deployment, account, secret, credential, kept), federated)
        self.deployment = k8s.apps.v1.Deployment(
            f"{name}-deployment",
            **_args(_of_version(manifest, version)),
            opts=pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(depends_on=[policy, *after])),
        )
        cluster.waiting.watch(self.deployment, [policy, account, *after], _rollout(component))
        self.rolled_out = pulumi.Output.all(
            self.deployment.metadata.apply(lambda metadata: (metadata.annotations or {}).get(_VERSION) == version),
            self.deployment.status.apply(_available),
        ).apply(all)
        self.upstreams = {
            port: _upstream(services[service_name(component.name, trait)], port, gateway)
            for trait, ports in component.exposures
            for port in ports
        }


def _rollout(component: Component) -> str:
    inside = f"kubectl --namespace={component.namespace}"
    return (
        f"Deployment '{component.namespace}/{component.name}' has pods of this version that are not ready; after ten "
        f"minutes the run gives up. See {inside} get pods --selector=app.oam.dev/component={component.name}"
    )


def _served(namespace: str, name: str) -> str:
    return (
        f"Service '{namespace}/{name}' has no pods behind it that are ready, or no address of its load balancer; "
        f"after ten minutes the run gives up. See kubectl --namespace={namespace} describe service {name}"
    )


def _of_version(manifest: Manifest, version: str) -> Manifest:
    """Says on the Deployment, not on its pods, which version of the component it is."""
    metadata = manifest["metadata"]
    return {**manifest, "metadata": {**metadata, "annotations": {**metadata.get("annotations", {}), _VERSION: version}}}


def _available(status: k8s.apps.v1.outputs.DeploymentStatus | None) -> bool:
    """Whether the pods of a Deployment's version were all there once, or nothing is said of it.

    The condition Progressing keeps its last reason: once all pods of a version were available it is
    NewReplicaSetAvailable until the next one begins, whatever happens to a pod (Kubernetes, Deployment status).
    """
    progress = next((one for one in (status.conditions or ()) if one.type == "Progressing"), None) if status else None
    return progress is None or progress.reason == "NewReplicaSetAvailable"


@dataclass(frozen=True)
class Upstream:
    """Where the gateway finds one port of a component."""

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
    """By name inside the cluster; else by what the Service was given: a load balancer's address, or a node port."""
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
    """The address of the load balancer. Raises LookupError where it has none: nothing is routed to nowhere."""
    found = status.load_balancer.ingress if status and status.load_balancer else None
    address = (found[0].ip or found[0].hostname) if found else None
    if not address:
        raise LookupError("the Service's load balancer has no address yet; run `pulumi up` again once it has")
    return str(address)


def _node_port(spec: k8s.core.v1.outputs.ServiceSpec, port: int) -> int:
    """The node port of a Service's port. Raises LookupError where the cluster gave none."""
    for entry in spec.ports or ():
        if entry.port == port and entry.node_port:
            return int(entry.node_port)
    raise LookupError(f"the Service has no node port for port {port}; is its type NodePort?")


def _deployment(
    meant: Manifest,
    account: k8s.core.v1.ServiceAccount,
    secret: k8s.core.v1.Secret | None,
    credential: Data,
    kept: Mapping[str, SecretReference],
) -> Manifest:
    """The Deployment; account and credential are named by the resources that make them. `kept`, by variable, are those
    that lie in Secrets of somebody else's."""
    manifest = reading(meant, secret.metadata.apply(_name)) if secret is not None else copy.deepcopy(meant)
    template = manifest["spec"]["template"]
    template["spec"]["serviceAccountName"] = account.metadata.apply(_name)
    if secret is not None:
        if kept:
            _add_variables(template["spec"]["containers"][0], [_reference(name, where) for name, where in kept.items()])
        # A new credential rolls the pods. The digest is of a high-entropy secret and says nothing about it.
        digest = _detached(pulumi.Output.unsecret(pulumi.Output.all(**credential).apply(_digest)))
        template["metadata"]["annotations"] = {
            **template["metadata"].get("annotations", {}),
            _CREDENTIAL_DIGEST: digest,
        }
    return manifest


def _with_tokens(manifest: Manifest, audiences: Mapping[str, str]) -> Manifest:
    """With a token of the ServiceAccount in a file for each of these audiences, by the variable that names the file.

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
    """Before the component's own, which win: of one name there is one."""
    own = container.get("env", ())
    names = {one["name"] for one in own}
    container["env"] = [*(one for one in variables if one["name"] not in names), *own]


def _reference(variable: str, kept: SecretReference) -> Manifest:
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": kept.name, "key": kept.key}}}


def _name(metadata: k8s.meta.v1.outputs.ObjectMeta) -> str:
    return str(metadata.name)


def _detached(value: pulumi.Output[str]) -> pulumi.Output[str]:
    """The value without what it comes from: the pods come after the Secret, which comes after all of that.

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
