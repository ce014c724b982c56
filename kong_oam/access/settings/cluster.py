"""Read and check the settings of the cluster that a stack's workloads run on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import NotRequired, TypedDict

from kong_oam.access.data import NameLists, TextList, Texts
from kong_oam.access.settings.fields import tuples
from kong_oam.access.settings.values import ClusterSettings
from kong_oam.access.stack import MINOR, Peer, Stack
from kong_oam.objects.known_keys import why_key_never
from kong_oam.objects.known_kinds import never_deployed

# Kinds that `cluster.allow` names without an API group.
_BY_NAME = frozenset({"CSIDriver", "Namespace", "RuntimeClass"})

_LABEL_VALUE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?\Z")


class ContextYaml(TypedDict):
    """A context of `cluster.contexts`, with labels."""

    context: str
    labels: NotRequired[Texts]


class PeerYaml(TypedDict):
    """Pods of `cluster.peers`."""

    namespace: str
    podLabels: Texts


class ClusterYaml(TypedDict, total=False):
    """The setting `cluster`."""

    allow: Texts
    context: str
    contexts: dict[str, str | ContextYaml]
    createNamespaces: bool
    imagePullSecrets: TextList
    metadata: Texts
    operatorLabels: Texts
    peers: dict[str, PeerYaml]
    rbac: bool
    rights: NameLists
    serviceAccountAnnotations: Texts
    serviceTypes: TextList
    version: str


def cluster_settings(cluster: ClusterYaml, images: Texts) -> ClusterSettings:
    """Return the settings of the cluster, from checked settings."""
    return ClusterSettings(
        context=cluster.get("context"),
        contexts={
            name: _context(context)
            for name, context in cluster.get("contexts", {}).items()
        },
        images=images,
        pull_secrets=tuple(cluster.get("imagePullSecrets", ())),
        account_annotations=cluster.get("serviceAccountAnnotations", {}),
        create_namespaces=cluster.get("createNamespaces", False),
    )


def cluster_problems(stack: str, cluster: ClusterYaml) -> Iterator[str]:
    """Find two names for one context, kinds that no stack may allow, and a stack's name that is no
    label.

    Two names for one context would put objects of two clusters into one.
    """
    if not _LABEL_VALUE.match(stack):
        yield (
            f"cluster: '{stack}' cannot be a label of objects. Name the stack with at most 63 "
            "letters, digits, '-', '_' and '.'; start and end with a letter or digit"
        )
    for name in cluster.get("allow", {}):
        group, _, kind = name.rpartition("/")
        if kind not in _BY_NAME and (reason := never_deployed((group, kind))):
            yield f"cluster.allow.{name}: no stack may allow this kind: {reason}"
    for key in cluster.get("metadata", {}):
        if reason := why_key_never(key):
            yield f"cluster.metadata.{key}: no stack may set this key: {reason}"
    yield from _shared_contexts(
        cluster.get("contexts", {}), cluster.get("context")
    )


def _shared_contexts(
    contexts: dict[str, str | ContextYaml], own: str | None
) -> Iterator[str]:
    if contexts and not own:
        yield "cluster.contexts: with further clusters, set cluster.context, too"
    first = {own: "cluster.context"} if own else {}
    for name, named in contexts.items():
        context = _context(named)
        where = f"cluster.contexts.{name}"
        earlier = first.setdefault(context, where)
        if earlier != where:
            yield f"{where}: '{context}' is also {earlier}; name another context"


def with_cluster_settings(stack: Stack, cluster: ClusterYaml) -> Stack:
    """Return the stack with the checked settings of its cluster."""
    version = cluster.get("version")
    contexts = cluster.get("contexts", {})
    labels = {}
    for name, context in contexts.items():
        labels[name] = (
            {} if isinstance(context, str) else context.get("labels", {})
        )
    return replace(
        stack,
        allowed=cluster.get("allow", {}),
        rbac=cluster.get("rbac", False),
        metadata={
            key.lower(): text
            for key, text in cluster.get("metadata", {}).items()
        },
        operator_labels=cluster.get("operatorLabels", {}),
        peers={
            name: Peer(peer["namespace"], peer["podLabels"])
            for name, peer in cluster.get("peers", {}).items()
        },
        rights=tuples(cluster.get("rights", {})),
        service_types=tuple(cluster.get("serviceTypes", ())),
        clusters=frozenset(contexts),
        labels=labels,
        minor=int(version.partition(".")[2]) if version else MINOR,
    )


def _context(named: str | ContextYaml) -> str:
    """Return a kubeconfig context from a setting, which may add labels to it."""
    return named if isinstance(named, str) else named["context"]
