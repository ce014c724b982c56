"""The settings of a stack that change the meaning of Applications, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from kong_oam.access.data import TLS, Names, NamesByName, Texts
from kong_oam.access.providers import Provider
from kong_oam.access.rotation import Schedule

# In the place of a namespace: all that no other partition has.
REST: Final = "*"

# The minor version of Kubernetes where a stack does not say one.
MINOR: Final = 30


@dataclass(frozen=True, slots=True)
class Records:
    """What is in the records of requests beside what is in all of them: the parameters of `query`.
    `subject_key`: where Kong finds the key that subjects are hashed with (a reference into its
    vault); None: they are there as they are. `otlp`: records go to OpenTelemetry, too."""

    query: Names = ()
    subject_key: str | None = None
    otlp: bool = False


@dataclass(frozen=True, slots=True)
class Stack:
    """The settings of a stack that change the meaning of Applications."""

    name: str
    providers: Mapping[str, Provider]
    # The domain of gateway traits without one: `<component>-<application>.<domain>`.
    domain: str | None = None
    # Domain suffixes as Applications write them, to those of this environment.
    suffixes: Texts = field(default_factory=dict)
    scheme: Literal["http", "https"] = "https"
    # When clients get new keys, where they do not say it themselves.
    rotation: Schedule = field(default_factory=Schedule)
    # Where the gateway's pods are, if in the cluster. No application may live there: its pods
    # could pass for them.
    gateway_namespace: str | None = None
    # How the gateway reaches Services.
    reach: Literal["cluster", "loadBalancer", "nodePort"] = "cluster"
    # Key of a component whose client has a credential already, and name of the Secret with it, in
    # its namespace.
    known_secrets: frozenset[tuple[str, str]] = frozenset()
    # The logical groups that there are, those that a provider maps among them; None where nobody
    # listed them.
    known_groups: frozenset[str] | None = None
    # Kinds of objects that are deployed besides the usual ones, each with a text that says what it
    # may open: `<group>/<Kind>`, or `Kind` of the core group; `<namespace>/Namespace` lets objects
    # into that namespace.
    allowed: Texts = field(default_factory=dict)
    # Whether Roles, ClusterRoles and their bindings are deployed.
    rbac: bool = False
    # By component, the rights that its roles may give beside what is harmless.
    rights: NamesByName = field(default_factory=dict)
    # The types, `LoadBalancer` and `NodePort`, that Services may have to which no route leads.
    service_types: Names = ()
    # Keys, and domains, of labels and annotations that open nothing, each with a text that says
    # what they do.
    metadata: Texts = field(default_factory=dict)
    # By `<group>/<Kind>`, the label that an operator puts on the pods of such an object, with the
    # object's name.
    operator_labels: Texts = field(default_factory=dict)
    # The 30 of Kubernetes 1.30: definitions choose API versions by it.
    minor: int = MINOR
    # Further clusters, as topologies write them; None where nobody listed them.
    clusters: frozenset[str] | None = frozenset()
    # The labels of further clusters that have some: topologies select by these.
    labels: Mapping[str, Texts] = field(default_factory=dict)
    # Whether the stack says from which addresses the gateway connects: only by these is it known
    # in further clusters, where it has no pods.
    addressed: bool = False
    # The identity providers at which clients prove themselves with tokens of the stack's own
    # cluster.
    federated: frozenset[str] = frozenset()
    # Whether the stack says a Redis to count limits in; None where there is no stack to say so.
    redis: bool | None = False
    # How the gateway speaks to workloads that ask for TLS; empty: the stack names no CA to verify
    # them by.
    upstream_tls: TLS = ""
    # What is recorded of each request; None: nothing.
    records: Records | None = None
    # Headers that the stack takes from callers, in lower case, and with them those that begin so
    # and with a dash.
    stripped: Names = ()
    # The namespaces of each partition that the estate is deployed in, `*` for all others; empty:
    # in one stack.
    partitions: NamesByName = field(default_factory=dict)
    # Whether Applications may lie elsewhere that those here name: nothing is deployed from such an
    # estate.
    partial: bool = False

    def partition_of(self, namespace: str) -> str | None:
        """The partition that an Application of the namespace is in; None where it is in none, or
        there are none."""
        for wanted in (namespace, REST):
            for name, namespaces in self.partitions.items():
                if wanted in namespaces:
                    return name
        return None

    @property
    def default_provider(self) -> Provider:
        """The first provider that the stack names."""
        return next(iter(self.providers.values()))
