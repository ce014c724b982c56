"""Provisions TLS certificates of the estate's hosts, from the stack's own secret or existing Kubernetes TLS Secrets.

A gateway trait names one with `secretName`, as for an Ingress. The stack's `kong-oam:certificates` come first; any
other name is a Secret of type kubernetes.io/tls in the application's namespace, kept there by cert-manager, say.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping

import pulumi
import pulumi_kong as kong
import pulumi_kubernetes as k8s

from kong_oam.kong import names
from kong_oam.kong.certificates import hosts_by_certificate

from .gateway import Gateway

Pem = tuple[pulumi.Input[str], pulumi.Input[str]]


def provision_certificates(
    gateway: Gateway, of_stack: Mapping[str, tuple[str, str]], cluster: k8s.Provider
) -> list[kong.Certificate]:
    """Provisions a Kong certificate with its SNIs for each that the estate names.

    `of_stack` are the stack's own: PEM certificate and private key by name. Private keys are secrets from here on.
    Raises LookupError where a Secret in the cluster has no certificate or key.
    """
    provisioned = []
    for (namespace, name), hosts in hosts_by_certificate(gateway.estate).items():
        certificate, key = of_stack[name] if name in of_stack else _from_cluster(gateway, namespace, name, cluster)
        provisioned.append(
            kong.Certificate(
                f"certificate-{namespace}/{name}",
                certificate=certificate,
                private_key=pulumi.Output.secret(key),
                snis=list(hosts),
                tags=names.tags(gateway.stack),
                opts=pulumi.ResourceOptions.merge(
                    gateway.options, pulumi.ResourceOptions(additional_secret_outputs=["privateKey"])
                ),
            )
        )
    return provisioned


def _from_cluster(gateway: Gateway, namespace: str, name: str, cluster: k8s.Provider) -> Pem:
    secret = k8s.core.v1.Secret.get(
        f"tls-{namespace}/{name}",
        f"{namespace}/{name}",
        pulumi.ResourceOptions(parent=gateway, provider=cluster, additional_secret_outputs=["data"]),
    )
    return secret.data.apply(_decoded(name, "tls.crt")), secret.data.apply(_decoded(name, "tls.key"))


def _decoded(name: str, key: str) -> Callable[[Mapping[str, str]], str]:
    def decoded(data: Mapping[str, str]) -> str:
        if key not in (data or {}):
            raise LookupError(
                f"Secret '{name}' has no {key}; a gateway trait's secretName is of type kubernetes.io/tls"
            )
        return base64.b64decode(data[key]).decode("ascii")

    return decoded
