"""The settings of the cluster that a stack's workloads run on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from kong_oam.access.data import YamlObject
from kong_oam.access.settings.fields import tuples
from kong_oam.access.settings.values import ClusterSettings
from kong_oam.access.stack import MINOR, Stack
from kong_oam.objects.known_keys import always_obeyed
from kong_oam.objects.known_kinds import never_deployed

# What `cluster.allow` names one by one: no API group stands before these.
_BY_NAME = frozenset({"CSIDriver", "Namespace", "RuntimeClass"})

_LABEL_VALUE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?\Z")


def cluster_settings(data: YamlObject) -> ClusterSettings:
    """What checked settings say of the cluster."""
    cluster = data.get("cluster", {})
    return ClusterSettings(
        context=cluster.get("context"),
        contexts={
            name: _context(context)
            for name, context in cluster.get("contexts", {}).items()
        },
        images=data.get("images", {}),
        pull_secrets=tuple(cluster.get("imagePullSecrets", ())),
        account_annotations=cluster.get("serviceAccountAnnotations", {}),
        create_namespaces=cluster.get("createNamespaces", False),
    )


def cluster_problems(stack: str, cluster: YamlObject) -> Iterator[str]:
    """Find contexts that may be one, since what is told apart by its cluster would be together;
    kinds that are refused whatever the stack says; and a stack's name that cannot be the value of a
    label."""
    if not _LABEL_VALUE.match(stack):
        yield (
            f"cluster: '{stack}' cannot be a label of objects; a stack's name has at most 63 "
            "letters, digits, '-', '_' and '.', and a letter or digit at both ends"
        )
    for name in cluster.get("allow", {}):
        group, _, kind = name.rpartition("/")
        if kind not in _BY_NAME and (reason := never_deployed((group, kind))):
            yield f"cluster.allow.{name}: no stack allows these: {reason}"
    for key in cluster.get("metadata", {}):
        if reason := always_obeyed(key):
            yield f"cluster.metadata.{key}: no stack takes these: {reason}"
    yield from _shared_contexts(
        cluster.get("contexts", {}), cluster.get("context")
    )


def _shared_contexts(contexts: YamlObject, own: str | None) -> Iterator[str]:
    if contexts and not own:
        yield "cluster.contexts: with further clusters, name the stack's own, too (cluster.context)"
    first = {own: "cluster.context"} if own else {}
    for name, named in contexts.items():
        context = _context(named)
        where = f"cluster.contexts.{name}"
        earlier = first.setdefault(context, where)
        if earlier != where:
            yield f"{where}: '{context}' is that of {earlier}, too"


def judged_by(stack: Stack, cluster: YamlObject) -> Stack:
    """The stack with what checked settings of its cluster say."""
    version = cluster.get("version")
    contexts = cluster.get("contexts", {})
    labels = {}
    for name, context in contexts.items():
        if isinstance(context, dict) and "labels" in context:
            labels[name] = context["labels"]
    return replace(
        stack,
        allowed=cluster.get("allow", {}),
        rbac=cluster.get("rbac", False),
        metadata={
            key.lower(): text
            for key, text in cluster.get("metadata", {}).items()
        },
        operator_labels=cluster.get("operatorLabels", {}),
        rights=tuples(cluster.get("rights", {})),
        service_types=tuple(cluster.get("serviceTypes", ())),
        clusters=frozenset(contexts),
        labels=labels,
        minor=int(version.partition(".")[2]) if version else MINOR,
    )


def _context(named: str | YamlObject) -> str:
    """A kubeconfig context, which may be named with labels."""
    return named if isinstance(named, str) else named["context"]
