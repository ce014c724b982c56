"""Provisions TLS certificates of the estate's hosts, from the stack's own secret or existing
Kubernetes TLS Secrets.

A gateway trait names one with `secretName`, as for an Ingress. The stack's `kong-oam:certificates`
come first; any other name is a Secret of type kubernetes.io/tls in the application's namespace,
kept there by cert-manager, say.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping

import pulumi
import pulumi_kong as kong
import pulumi_kubernetes as k8s

from kong_oam.access.settings.stack import NAMESPACE, StackError
from kong_oam.access.settings.upstream_tls import UpstreamTlsSettings
from kong_oam.diagnostics import suggestion
from kong_oam.kong import names
from kong_oam.kong.certificates import hosts_by_certificate
from kong_oam.kong.upstream_tls import CLIENT_CERTIFICATE

from ..workload.cluster import Clusters
from .gateway import Gateway

Pem = tuple[pulumi.Input[str], pulumi.Input[str]]


def provision_certificates(
    gateway: Gateway, of_stack: Mapping[str, tuple[str, str]], clusters: Clusters
) -> list[kong.Certificate]:
    """Provisions a Kong certificate with its SNIs for each that the estate names.

    `of_stack` are the stack's own: PEM certificate and private key by name. Private keys are
    secrets from here on. Raises LookupError where a Secret in the cluster has no certificate or
    key.
    """
    provisioned = []
    for (place, name), hosts in hosts_by_certificate(gateway.estate).items():
        certificate, key = (
            of_stack[name]
            if name in of_stack
            else _from_cluster(gateway, place, name, clusters)
        )
        provisioned.append(
            kong.Certificate(
                f"certificate-{place}/{name}",
                certificate=certificate,
                private_key=pulumi.Output.secret(key),
                snis=list(hosts),
                tags=names.tags(gateway.stack),
                opts=pulumi.ResourceOptions.merge(
                    gateway.options,
                    pulumi.ResourceOptions(additional_secret_outputs=["privateKey"]),
                ),
            )
        )
    return provisioned


def require_client_certificate(
    settings: UpstreamTlsSettings | None, of_stack: Mapping[str, tuple[str, str]]
) -> None:
    """Raises StackError where the stack names a client certificate that it does not have."""
    name = settings.client_certificate if settings else None
    if name is not None and name not in of_stack:
        raise StackError(
            f"{NAMESPACE}:gateway.upstreamTls.clientCertificate: there is no '{name}' among "
            f"{NAMESPACE}:certificates{suggestion(name, of_stack)}; set it with pulumi config set "
            f"--secret --path '{NAMESPACE}:certificates.{name}.certificate' and ...privateKey"
        )


def provision_client_certificate(
    gateway: Gateway, of_stack: Mapping[str, tuple[str, str]]
) -> pulumi.Output[str] | None:
    """Provisions the certificate that the gateway shows to workloads. Gives its id; None where it
    shows none."""
    settings = gateway.settings.gateway.upstream_tls
    if settings is None or settings.client_certificate is None:
        return None
    certificate, key = of_stack[settings.client_certificate]
    resource = kong.Certificate(
        CLIENT_CERTIFICATE,
        certificate=certificate,
        private_key=pulumi.Output.secret(key),
        tags=names.tags(gateway.stack),
        opts=pulumi.ResourceOptions.merge(
            gateway.options,
            pulumi.ResourceOptions(additional_secret_outputs=["privateKey"]),
        ),
    )
    return resource.id


def _from_cluster(gateway: Gateway, place: str, name: str, clusters: Clusters) -> Pem:
    cluster, _, namespace = place.rpartition("/")
    provider = clusters[cluster or None].provider
    secret = k8s.core.v1.Secret.get(
        f"tls-{place}/{name}",
        f"{namespace}/{name}",
        pulumi.ResourceOptions(
            parent=gateway, provider=provider, additional_secret_outputs=["data"]
        ),
    )
    return secret.data.apply(_decoded(name, "tls.crt")), secret.data.apply(
        _decoded(name, "tls.key")
    )


def _decoded(name: str, key: str) -> Callable[[Mapping[str, str]], str]:
    def decoded(data: Mapping[str, str]) -> str:
        if key not in (data or {}):
            raise LookupError(
                f"Secret '{name}' has no {key}; a gateway trait's secretName is of type "
                "kubernetes.io/tls"
            )
        return base64.b64decode(data[key]).decode("ascii")

    return decoded
