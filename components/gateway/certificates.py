"""Provisions TLS certificates of the estate's hosts, from the stack's own secret or existing
Kubernetes TLS Secrets.

A gateway trait names a certificate with `secretName`, as for an Ingress. The stack's
`kong-oam:certificates` come first; any other name is a Secret of type kubernetes.io/tls in the
application's namespace, for example from cert-manager.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Container, Mapping, Sequence
from functools import partial

import pulumi_kong as kong
import pulumi_kubernetes as k8s
from pulumi import Input, Output, Resource, ResourceOptions

from kong_oam.access.model import Estate
from kong_oam.access.settings.project import NAMESPACE
from kong_oam.access.settings.upstream_tls import UpstreamTlsSettings
from kong_oam.access.settings.values import StackError
from kong_oam.diagnostics import suggestion
from kong_oam.kong import names
from kong_oam.kong.certificates import hosts_by_certificate
from kong_oam.kubernetes.estate import clusters_of
from kong_oam.oam.position import Texts

from ..workload.cluster import Clusters

# A certificate and its private key, in PEM.
Pem = tuple[Input[str], Input[str]]


def provision_certificates(
    estate: Estate,
    of_stack: Mapping[str, Pem],
    clusters: Clusters,
    opts: ResourceOptions,
) -> list[kong.Certificate]:
    """Provision a Kong certificate with its SNIs for each certificate that the estate names.

    `of_stack` are the stack's own, by name. Private keys are secrets from here on. Raises
    LookupError if a Secret in the cluster has no certificate or key.
    """
    certificates = []
    tags = names.tags(estate.stack.name)
    for (place, name), hosts in hosts_by_certificate(estate).items():
        pem = of_stack.get(name) or _from_cluster(
            place, name, clusters, opts.parent
        )
        certificates.append(
            provision_certificate(
                f"certificate-{place}/{name}", pem, tags, opts, hosts
            )
        )
    return certificates


def provision_certificate(
    name: str,
    pem: Pem,
    tags: Sequence[str],
    opts: ResourceOptions,
    hosts: Sequence[str] | None = None,
) -> kong.Certificate:
    certificate, key = pem
    # The provider does not mark it as a secret.
    secret = ResourceOptions(additional_secret_outputs=["privateKey"])
    return kong.Certificate(
        name,
        certificate=certificate,
        private_key=Output.secret(key),
        snis=list(hosts) if hosts is not None else None,
        tags=list(tags),
        opts=ResourceOptions.merge(opts, secret),
    )


def require_client_certificate(
    settings: UpstreamTlsSettings | None, of_stack: Mapping[str, Pem]
) -> None:
    """Raise StackError if the stack names a client certificate that it does not have."""
    name = settings.client_certificate if settings else None
    if name is not None and name not in of_stack:
        raise StackError(
            f"{NAMESPACE}:gateway.upstreamTls.clientCertificate: '{name}' is missing in "
            f"{NAMESPACE}:certificates{suggestion(name, of_stack)}; set it with pulumi config "
            f"set --secret --path '{NAMESPACE}:certificates.{name}.certificate' and ...privateKey"
        )


def require_certificates(estate: Estate, of_stack: Container[str]) -> None:
    """Raise StackError if a stack without a cluster lacks a certificate that a trait names."""
    for _, name in () if clusters_of(estate) else hosts_by_certificate(estate):
        if name not in of_stack:
            raise StackError(
                f"{NAMESPACE}:certificates: '{name}' is missing, and this stack has no cluster "
                f"with Secrets; set it with pulumi config set --secret --path "
                f"'{NAMESPACE}:certificates.{name}.certificate' and ...privateKey"
            )


def _from_cluster(
    place: str, name: str, clusters: Clusters, parent: Resource | None
) -> Pem:
    cluster, _, namespace = place.rpartition("/")
    provider = clusters[cluster or None].provider
    secret = k8s.core.v1.Secret.get(
        f"tls-{place}/{name}",
        f"{namespace}/{name}",
        ResourceOptions(
            parent=parent, provider=provider, additional_secret_outputs=["data"]
        ),
    )
    certificate = secret.data.apply(partial(_decoded, name=name, key="tls.crt"))
    key = secret.data.apply(partial(_decoded, name=name, key="tls.key"))
    return certificate, key


def _decoded(data: Texts, *, name: str, key: str) -> str:
    if key not in (data or {}):
        raise LookupError(
            f"Secret '{name}' has no {key}; the Secret of a gateway trait's secretName needs "
            "type kubernetes.io/tls"
        )
    return b64decode(data[key]).decode("ascii")
