"""Provisions access to the stack's cluster, and the namespaces that the stack makes there."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi_kubernetes as k8s
from pulumi import Resource, ResourceOptions

from kong_oam.access.model import Estate
from kong_oam.access.settings.values import Settings
from kong_oam.kubernetes.estate import (
    clusters_of,
    foundations,
    provider_of,
    running,
)
from kong_oam.oam.rendered import GroupKind, group_kind
from kong_oam.objects.pods import Manifest

from ..graph import Predecessors
from ..waiting import Waiting
from .objects import KubernetesObject


@dataclass(frozen=True)
class Cluster:
    """A cluster that workloads go to.

    `namespaces` are the stack's own, by name. `definitions` are the CustomResourceDefinitions that
    a component renders, by group and kind of their objects. `kubectl` is the shell command to
    inspect it, `helm` the same for releases.
    """

    kubectl: str
    helm: str
    provider: k8s.Provider
    namespaces: Mapping[str, Resource]
    definitions: Mapping[GroupKind, Resource]
    waiting: Waiting

    def options(
        self, manifest: Manifest, parent: Resource, after: Predecessors
    ) -> ResourceOptions:
        """Return the options of an object, which comes after its namespace, after the definition of
        its kind, and `after`."""
        namespace = self.namespaces.get(
            manifest["metadata"].get("namespace", "")
        )
        definition = self.definitions.get(group_kind(manifest))
        earlier = [*filter(None, (namespace, definition)), *after]
        return ResourceOptions(
            parent, provider=self.provider, depends_on=earlier
        )


# The clusters by their names in topologies; None is the stack's own.
Clusters = Mapping[str | None, Cluster]


def provision_clusters(estate: Estate, settings: Settings) -> Clusters:
    """Make access to each cluster of the estate's components, and always to the stack's own."""
    waiting = Waiting()
    return {
        name: _cluster(name, estate, settings, waiting)
        for name in clusters_of(estate)
    }


def _cluster(
    cluster: str | None, estate: Estate, settings: Settings, waiting: Waiting
) -> Cluster:
    """Make the provider, the namespaces of components where the stack makes them, and rendered
    Namespaces and CustomResourceDefinitions.

    A patch creates a missing namespace, adopts an existing namespace unchanged, and leaves it at
    the end: others may use it by then.
    """
    wanted = set()
    plain = True
    for component in running(estate):
        for target in component.instances:
            if target.workload.cluster == cluster:
                wanted.add(target.workload.namespace)
                plain = plain and all(
                    part.plain for part in target.workload.rendered
                )
    context = settings.cluster.context_of(cluster)
    # A new key changes a client's Secret or ConfigMap in place. A replacement would delete it
    # first, and its Deployment with it. A manual change belongs to another field manager; without
    # force a refresh could not revert it.
    provider = k8s.Provider(
        provider_of(cluster),
        context=context,
        enable_secret_mutable=True,
        enable_config_map_mutable=None if plain else True,
        enable_patch_force=True,
    )
    options = ResourceOptions(provider=provider)
    namespaces: dict[str, Resource] = {}
    definitions: dict[GroupKind, Resource] = {}
    for placed in foundations(estate, cluster):
        manifest = placed.manifest
        resource = KubernetesObject(
            placed.name, manifest, options, placed.options
        )
        if manifest["kind"] == "Namespace":
            namespaces[manifest["metadata"]["name"]] = resource
        else:
            spec = manifest["spec"]
            definitions[spec["group"], spec["names"]["kind"]] = resource
    if settings.cluster.create_namespaces:
        for name in sorted(wanted - namespaces.keys()):
            logical = (
                f"{cluster}:namespace-{name}"
                if cluster
                else f"namespace-{name}"
            )
            namespaces[name] = k8s.core.v1.NamespacePatch(
                logical, metadata={"name": name}, opts=options
            )
    quoted = shlex.quote(str(context))
    kubectl = f"kubectl --context={quoted}" if cluster else "kubectl"
    helm = f"helm --kube-context={quoted}" if cluster else "helm"
    return Cluster(
        kubectl=kubectl,
        helm=helm,
        provider=provider,
        namespaces=namespaces,
        definitions=definitions,
        waiting=waiting,
    )
