"""The value of a component's TLS between the gateway and its workload."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypedDict

from kong_oam.oam.position import SourcePosition, Texts
from kong_oam.traits.key import Key

# The default folder of a workload's certificate: `tls.crt`, `tls.key`, and often `ca.crt`.
MOUNTED_AT = "/etc/tls"


class UpstreamTlsTraitYaml(TypedDict, total=False):
    """The properties of a trait `upstream-tls`. `issuer`: the fields of Issuer."""

    ports: list[int]
    secretName: str
    issuer: Texts
    mountPath: str


@dataclass(frozen=True, slots=True)
class Issuer:
    """The cert-manager issuer of a workload's certificate: its kind (`Issuer` or `ClusterIssuer`)
    and name."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class UpstreamTls:
    """The ports with TLS, and the source of the workload's certificate.

    `ports`: of Services. `secret`: the Secret with the certificate, which an `issuer` of
    cert-manager fills, if there is one. None: the workload has its certificate from elsewhere.
    """

    ports: tuple[int, ...]
    secret: str | None = None
    issuer: Issuer | None = None
    mount_path: str = MOUNTED_AT
    position: SourcePosition | None = field(default=None, compare=False)


UPSTREAM_TLS: Key[UpstreamTls] = Key("upstream-tls", "edge.upstreamTls")


def tls_secret_name(component: str) -> str:
    """Return the name of the Secret that cert-manager fills with a component's certificate."""
    return f"{component}-upstream-tls"


def names_at(service: str, namespace: str) -> tuple[str, str]:
    """Return the names in the certificate of a workload behind a Service. The gateway requests the
    first."""
    return (
        f"{service}.{namespace}.svc",
        f"{service}.{namespace}.svc.cluster.local",
    )
