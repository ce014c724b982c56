"""The settings of a stack that change the meaning of Applications, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from kong_oam.access.data import TLS, Names, NamesByName, Texts
from kong_oam.access.providers import Provider
from kong_oam.access.rotation import Schedule
from kong_oam.access.upstream import Upstreams

# Stands for all namespaces that no other partition has.
REST = "*"

# The default minor version of Kubernetes.
MINOR = 30


@dataclass(frozen=True, slots=True)
class Records:
    """The optional contents of request records.

    `query`: recorded query parameters. `subject_key`: a reference into Kong's vault to the key that
    hashes subjects; None: subjects are recorded in plain. `otlp`: records also go to OpenTelemetry.
    """

    query: Names = ()
    subject_key: str | None = None
    otlp: bool = False


@dataclass(frozen=True, slots=True)
class Peer:
    """Pods of the platform that Applications name, such as Prometheus."""

    namespace: str
    labels: Texts


@dataclass(frozen=True, slots=True)
class Stack:
    """The settings of a stack that change the meaning of Applications."""

    name: str
    providers: Mapping[str, Provider]
    # The domain of gateway traits without one: `<component>-<application>.<domain>`.
    domain: str | None = None
    # Domain suffixes in Applications, each with its suffix in this environment.
    suffixes: Texts = field(default_factory=dict)
    scheme: Literal["http", "https"] = "https"
    # The default rotation of client keys.
    rotation: Schedule = field(default_factory=Schedule)
    # The namespace of the gateway's pods, if they are in the cluster. No Application may use it,
    # because its pods could pass for the gateway.
    gateway_namespace: str | None = None
    # How the gateway reaches Services.
    reach: Literal["cluster", "loadBalancer", "nodePort"] = "cluster"
    # Keys of components whose clients already have a credential, each with the Secret's name in its
    # namespace.
    known_secrets: frozenset[tuple[str, str]] = frozenset()
    # All existing logical groups, mapped groups included; None if they are not listed.
    known_groups: frozenset[str] | None = None
    # Further kinds of objects that are deployed, each with a text about their risk.
    # `<group>/<Kind>`, or `Kind` in the core group; `<namespace>/Namespace` allows objects in that
    # namespace.
    allowed: Texts = field(default_factory=dict)
    # Whether Roles, ClusterRoles and their bindings are deployed.
    rbac: bool = False
    # The rights, by component, that its roles may give besides harmless rights.
    rights: NamesByName = field(default_factory=dict)
    # The types, `LoadBalancer` and `NodePort`, that Services without a route may have.
    service_types: Names = ()
    # Keys and domains of harmless labels and annotations, each with a text about their purpose.
    metadata: Texts = field(default_factory=dict)
    # By `<group>/<Kind>`, the label with the object's name that an operator puts on the pods of
    # such an object.
    operator_labels: Texts = field(default_factory=dict)
    # The platform's pods that Applications may name in `internal`.
    peers: Mapping[str, Peer] = field(default_factory=dict)
    # The 30 of Kubernetes 1.30: definitions choose API versions by it.
    minor: int = MINOR
    # Further clusters, by the names in topologies; None if they are not listed.
    clusters: frozenset[str] | None = frozenset()
    # The labels of further clusters, which topologies select.
    labels: Mapping[str, Texts] = field(default_factory=dict)
    # Whether the stack lists the gateway's addresses. Further clusters have no gateway pods and
    # know the gateway only by its addresses.
    addressed: bool = False
    # The identity providers that accept service account tokens of the stack's cluster.
    federated: frozenset[str] = frozenset()
    # Whether the stack has a Redis for rate limits; None without a stack.
    redis: bool | None = False
    # The gateway's protocol to workloads that require TLS; empty if the stack names no CA.
    upstream_tls: TLS = ""
    # The addresses of external components.
    upstreams: Upstreams = field(default_factory=dict)
    # Whether the stack says where its gateway is. Without it, workloads could not fence themselves.
    placed: bool = True
    # The contents of request records; None: no records.
    records: Records | None = None
    # Headers that the gateway removes from requests, in lower case. Headers that begin with a
    # listed name and a dash are removed too.
    stripped: Names = ()
    # The namespaces of each partition, `*` for all others; empty if the estate has one stack.
    partitions: NamesByName = field(default_factory=dict)
    # Whether referenced Applications may be elsewhere. Such an estate is never deployed.
    partial: bool = False

    def partition_of(self, namespace: str) -> str | None:
        """Return the partition of Applications in a namespace; None if there is none."""
        for wanted in (namespace, REST):
            for name, namespaces in self.partitions.items():
                if wanted in namespaces:
                    return name
        return None

    @property
    def default_provider(self) -> Provider:
        """The first provider of the stack."""
        return next(iter(self.providers.values()))
