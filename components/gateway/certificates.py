"""TLS certificates of the estate's hosts, from the stack's own secret or from Kubernetes TLS Secrets that exist.

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
    gateway: Gateway, own: Mapping[str, tuple[str, str]], cluster: k8s.Provider
) -> list[kong.Certificate]:
    """A Kong certificate with its SNIs for each that the estate names. Private keys are secrets from here on."""
    made = []
    for (namespace, name), hosts in hosts_by_certificate(gateway.estate).items():
        certificate, key = own[name] if name in own else _from_cluster(gateway, namespace, name, cluster)
        made.append(
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
    return made


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
