"""The settings of a stack that change the meaning of Applications, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from kong_oam.access.endpoint import TLS
from kong_oam.access.providers import Provider
from kong_oam.access.rotation import Schedule

REST: Final = "*"
"""In the place of a namespace: all that no other partition has."""

MINOR: Final = 30
"""The minor version of Kubernetes where a stack does not say one."""


@dataclass(frozen=True, slots=True)
class Records:
    """What is in the records of requests beside what is in all of them: the parameters of `query`.
    `subject_key`: where Kong finds the key that subjects are hashed with (a reference into its
    vault); None: they are there as they are. `otlp`: records go to OpenTelemetry, too."""

    query: tuple[str, ...] = ()
    subject_key: str | None = None
    otlp: bool = False


@dataclass(frozen=True, slots=True)
class Stack:
    """The settings of a stack that change the meaning of Applications."""

    name: str
    providers: Mapping[str, Provider]
    domain: str | None = None
    """The domain of gateway traits without one: `<component>-<application>.<domain>`."""
    suffixes: Mapping[str, str] = field(default_factory=dict)
    """Domain suffixes as Applications write them, to those of this environment."""
    scheme: Literal["http", "https"] = "https"
    rotation: Schedule = field(default_factory=Schedule)
    """When clients get new keys, where they do not say it themselves."""
    gateway_namespace: str | None = None
    """Where the gateway's pods are, if in the cluster. No application may live there: its pods
    could pass for them."""
    reach: Literal["cluster", "loadBalancer", "nodePort"] = "cluster"
    """How the gateway reaches Services."""
    known_secrets: frozenset[tuple[str, str]] = frozenset()
    """Key of a component whose client has a credential already, and name of the Secret with it, in
    its namespace."""
    known_groups: frozenset[str] | None = None
    """The logical groups that there are, those that a provider maps among them; None where nobody
    listed them."""
    allowed: Mapping[str, str] = field(default_factory=dict)
    """Kinds of objects that are deployed besides the usual ones, each with a text that says what it
    may open: `<group>/<Kind>`, or `Kind` of the core group; `<namespace>/Namespace` lets objects
    into that namespace."""
    rbac: bool = False
    """Whether Roles, ClusterRoles and their bindings are deployed."""
    rights: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By component, the rights that its roles may give beside what is harmless."""
    service_types: tuple[str, ...] = ()
    """The types, `LoadBalancer` and `NodePort`, that Services may have to which no route leads."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Keys, and domains, of labels and annotations that open nothing, each with a text that says
    what they do."""
    operator_labels: Mapping[str, str] = field(default_factory=dict)
    """By `<group>/<Kind>`, the label that an operator puts on the pods of such an object, with the
    object's name."""
    minor: int = MINOR
    """The 30 of Kubernetes 1.30: definitions choose API versions by it."""
    clusters: frozenset[str] | None = frozenset()
    """Further clusters, as topologies write them; None where nobody listed them."""
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The labels of further clusters that have some: topologies select by these."""
    addressed: bool = False
    """Whether the stack says from which addresses the gateway connects: only by these is it known
    in further clusters, where it has no pods."""
    federated: frozenset[str] = frozenset()
    """The identity providers at which clients prove themselves with tokens of the stack's own
    cluster."""
    redis: bool | None = False
    """Whether the stack says a Redis to count limits in; None where there is no stack to say so."""
    upstream_tls: TLS = ""
    """How the gateway speaks to workloads that ask for TLS; empty: the stack names no CA to verify
    them by."""
    records: Records | None = None
    """What is recorded of each request; None: nothing."""
    stripped: tuple[str, ...] = ()
    """Headers that the stack takes from callers, in lower case, and with them those that begin so
    and with a dash."""
    partitions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The namespaces of each partition that the estate is deployed in, `*` for all others; empty:
    in one stack."""
    partial: bool = False
    """Whether Applications may lie elsewhere that those here name: nothing is deployed from such an
    estate."""

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
