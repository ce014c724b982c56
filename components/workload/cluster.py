"""The stack's cluster as resources: how the plugin works with it, and the namespaces that the stack makes there."""

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
    """Where workloads go. `namespaces` are, by name, those that the stack makes."""

    provider: k8s.Provider
    namespaces: Mapping[str, k8s.core.v1.NamespacePatch]
    waiting: Waiting

    def within(self, namespace: str, parent: pulumi.Resource) -> pulumi.ResourceOptions:
        """Options of what is in the namespace."""
        return pulumi.ResourceOptions(parent, provider=self.provider, depends_on=self.namespaces.get(namespace))


def provision_cluster(estate: Estate, settings: Settings) -> Cluster:
    """The provider, and the namespaces that components run in, where the stack makes them.

    A patch makes a namespace that is not there, takes one that is as it is, and leaves it there when it goes itself:
    others may use it by then.
    """
    # A new key changes a client's Secret in place: one that is replaced is deleted first, and its Deployment with it.
    # What somebody changed by hand belongs to another field manager; without force a refresh could not put it back.
    provider = k8s.Provider(
        "cluster", context=settings.cluster.context, enable_secret_mutable=True, enable_patch_force=True
    )
    options = pulumi.ResourceOptions(provider=provider)
    made = settings.cluster.create_namespaces
    names = sorted({one.namespace for one in estate.components.values() if made and not one.outside})
    namespaces = {
        name: k8s.core.v1.NamespacePatch(f"namespace-{name}", metadata={"name": name}, opts=options) for name in names
    }
    return Cluster(provider, namespaces, Waiting())
