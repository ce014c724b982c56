"""What a component says of TLS between the gateway and its workload."""

from __future__ import annotations

from dataclasses import dataclass, field

from kong_oam.oam.position import SourcePosition
from kong_oam.traits.key import Key

# Where a workload finds its certificate, if nothing is said: `tls.crt`, `tls.key`, and
# mostly `ca.crt`.
MOUNTED_AT = "/etc/tls"


@dataclass(frozen=True, slots=True)
class Issuer:
    """The issuer of cert-manager that signs for a workload: its kind, `Issuer` or `ClusterIssuer`,
    and its name."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class UpstreamTls:
    """The ports, of Services, at which a workload speaks TLS, and where it has its certificate
    from: the Secret of that name, which an `issuer` of cert-manager fills where there is one.
    `secret` None: it has one in some other way."""

    ports: tuple[int, ...]
    secret: str | None = None
    issuer: Issuer | None = None
    mount_path: str = MOUNTED_AT
    position: SourcePosition | None = field(default=None, compare=False)


UPSTREAM_TLS: Key[UpstreamTls] = Key("upstream-tls", "edge.upstreamTls")


def tls_secret_name(component: str) -> str:
    """Return the Kubernetes Secret that cert-manager fills with the certificate of a component's
    workload."""
    return f"{component}-upstream-tls"


def names_at(service: str, namespace: str) -> tuple[str, str]:
    """What the certificate of a workload behind a Service is to name. The gateway asks for the
    first."""
    return (
        f"{service}.{namespace}.svc",
        f"{service}.{namespace}.svc.cluster.local",
    )
