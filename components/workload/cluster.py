"""Provisions access to the stack's cluster, and the namespaces that the stack makes there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from kong_oam.access.model import Estate
from kong_oam.access.settings.stack import Settings

from ..waiting import Waiting


@dataclass(frozen=True)
class Cluster:
    """The cluster that workloads go to. `namespaces` are, by name, those that the stack makes."""

    provider: k8s.Provider
    namespaces: Mapping[str, k8s.core.v1.NamespacePatch]
    waiting: Waiting

    def within(self, namespace: str, parent: pulumi.Resource) -> pulumi.ResourceOptions:
        """Gives the options of resources in the namespace."""
        return pulumi.ResourceOptions(parent, provider=self.provider, depends_on=self.namespaces.get(namespace))


def provision_cluster(estate: Estate, settings: Settings) -> Cluster:
    """Makes the provider, and the namespaces that components run in, where the stack makes them.

    A patch makes a namespace that is not there, takes one that is as it is, and leaves it there when it goes itself:
    others may use it by then.
    """
    # A new key changes a client's Secret in place: one that is replaced is deleted first, and its Deployment with it.
    # What somebody changed by hand belongs to another field manager; without force a refresh could not put it back.
    provider = k8s.Provider(
        "cluster", context=settings.cluster.context, enable_secret_mutable=True, enable_patch_force=True
    )
    options = pulumi.ResourceOptions(provider=provider)
    components = estate.components.values() if settings.cluster.create_namespaces else ()
    names = sorted({component.namespace for component in components if not component.outside})
    namespaces = {
        name: k8s.core.v1.NamespacePatch(f"namespace-{name}", metadata={"name": name}, opts=options) for name in names
    }
    return Cluster(provider, namespaces, Waiting())
