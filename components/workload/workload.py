"""A component's Kubernetes objects as resources: its client's credential, its identity, its pods, who reaches them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

import pulumi
import pulumi_kubernetes as k8s

from access.model import Application, Client, Component, Estate
from access.paths import written
from components.identity import Credential, Identity
from components.workload import manifests

Data = Mapping[str, pulumi.Input[str]]

_CREDENTIAL_DIGEST = "kong-oam.dev/client-credential"


class Workload(pulumi.ComponentResource):
    """Deployment, Services, ServiceAccount, NetworkPolicy, and the Secret of a client.

    `hosts` is the DNS name by which the gateway reaches each port of the component's gateway traits.
    """

    def __init__(
        self,
        name: str,
        application: Application,
        component: Component,
        estate: Estate,
        identities: Mapping[str, Identity],
        gateway: manifests.GatewayPeer,
        provider: k8s.Provider,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("kong-oam:workload:Workload", name, None, opts)
        options = pulumi.ResourceOptions(parent=self, provider=provider)
        lowered = _lowered(application, component)
        credential = _credential(component, estate, identities)
        secret = _secret(name, lowered, credential, options) if credential else None
        account = k8s.core.v1.ServiceAccount(
            f"{name}-account", **_args(manifests.service_account(lowered)), opts=options
        )
        k8s.networking.v1.NetworkPolicy(
            f"{name}-ingress", **_args(manifests.network_policy(lowered, gateway)), opts=options
        )
        services = {
            manifest["metadata"]["name"]: k8s.core.v1.Service(
                f"{name}-service-{manifest['metadata']['name']}", **_args(manifest), opts=options
            )
            for manifest in manifests.services(lowered)
        }
        self.deployment = k8s.apps.v1.Deployment(
            f"{name}-deployment",
            **_args(_deployment(lowered, account, secret, credential)),
            opts=pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(depends_on=list(after))),
        )
        self.hosts = {
            port: _dns_name(services[component.name if trait is None else f"{component.name}-{trait}"])
            for trait, ports in component.exposures
            for port in ports
        }
        self.register_outputs({})


def _lowered(application: Application, component: Component) -> manifests.Workload:
    return manifests.Workload(
        application=component.application,
        namespace=component.namespace,
        component=component.name,
        type=component.type,
        properties=component.properties,
        labels=application.labels,
        annotations=application.annotations,
        exposures=tuple(manifests.Exposure(trait, ports) for trait, ports in component.exposures),
    )


def _args(manifest: manifests.Manifest) -> manifests.Manifest:
    return {_snake(key): value for key, value in manifest.items() if key not in ("apiVersion", "kind")}


def _snake(key: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in key)


def _dns_name(service: k8s.core.v1.Service) -> pulumi.Output[str]:
    return service.metadata.apply(lambda metadata: f"{metadata.name}.{metadata.namespace}.svc.cluster.local")


def _deployment(
    lowered: manifests.Workload,
    account: k8s.core.v1.ServiceAccount,
    secret: k8s.core.v1.Secret | None,
    credential: Data,
) -> manifests.Manifest:
    """The Deployment; account and credential are named by the resources that make them."""
    manifest = manifests.deployment(lowered)
    template = manifest["spec"]["template"]
    template["spec"]["serviceAccountName"] = account.metadata.apply(_name)
    if secret is not None:
        # The component's own `env` wins over what comes from the Secret, as Kubernetes has it.
        container = template["spec"]["containers"][0]
        container["envFrom"] = [{"secretRef": {"name": secret.metadata.apply(_name)}}]
        # A new credential rolls the pods. The digest is of a high-entropy secret and says nothing about it.
        digest = pulumi.Output.unsecret(pulumi.Output.all(**credential).apply(_digest))
        template["metadata"]["annotations"] = {
            **template["metadata"].get("annotations", {}),
            _CREDENTIAL_DIGEST: digest,
        }
    return manifest


def _name(metadata: k8s.meta.v1.outputs.ObjectMeta) -> str:
    return str(metadata.name)


def _digest(data: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(dict(data), sort_keys=True).encode()).hexdigest()[:16]


def _secret(
    name: str, lowered: manifests.Workload, credential: Data, options: pulumi.ResourceOptions
) -> k8s.core.v1.Secret:
    return k8s.core.v1.Secret(
        f"{name}-client",
        **_args(manifests.client_secret(lowered)),
        string_data=pulumi.Output.secret(credential),
        opts=options,
    )


def _credential(component: Component, estate: Estate, identities: Mapping[str, Identity]) -> Data:
    """All that a client needs to call: where tokens are, who it is, what it may ask for, where the APIs are."""
    data: dict[str, pulumi.Input[str]] = {}
    for client in component.clients:
        identity = identities[client.provider]
        data |= _settings(client, identity, identity.clients[component.key])
        data |= {_variable(call.component): _base_url(estate, call.component) for call in client.calls}
    return data


def _settings(client: Client, identity: Identity, credential: Credential) -> dict[str, pulumi.Input[str]]:
    settings: dict[str, pulumi.Input[str]] = {
        "OAUTH_ISSUER": identity.issuer,
        "OAUTH_TOKEN_ENDPOINT": identity.token_endpoint,
        "OAUTH_CLIENT_ID": credential.client_id,
        "OAUTH_CLIENT_SECRET": credential.client_secret,
        "OAUTH_SCOPES": " ".join(client.scopes),
    }
    if client.user_facing:
        settings["OAUTH_AUTHORIZATION_ENDPOINT"] = identity.authorization_endpoint
        settings["OAUTH_REDIRECT_URIS"] = " ".join(client.redirect_uris)
    return settings


def _variable(component: str) -> str:
    """`orders/api` -> `API_URL_ORDERS__API`: the environment variable with the API's base URL."""
    return "API_URL_" + component.upper().replace("-", "_").replace("/", "__")


def _base_url(estate: Estate, component: str) -> str:
    endpoint = estate.components[component].endpoints[0]
    return f"{estate.stack.scheme}://{endpoint.host}{written(endpoint.path)}"
