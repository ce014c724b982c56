"""List the objects of all components of a stack. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.model import Component, Estate
from kong_oam.access.settings.values import Settings
from kong_oam.kubernetes.rendered import (
    PlacedObject,
    foundations_of,
    placed_objects,
)
from kong_oam.objects.pods import Manifest

# A cluster's topology name. None: the stack's default cluster.
ClusterName = str | None


def clusters_of(estate: Estate) -> tuple[ClusterName, ...]:
    """Return the clusters of an estate: None (the default), then the clusters of topologies.

    An estate that exposes only components outside a cluster has none.
    """
    found = set[str]()
    components = [*running(estate)]
    for component in components:
        found.update(
            site.workload.cluster
            for site in component.instances
            if site.workload.cluster
        )
    if estate.exposed and not components:
        return ()
    return (None, *sorted(found))


def provider_of(cluster: ClusterName) -> str:
    """Return the logical name of the engine's provider for a cluster."""
    return f"cluster-{cluster}" if cluster else "cluster"


def running(estate: Estate) -> Iterator[Component]:
    """Yield the components that run on this stack."""
    return (
        component for component in estate.own.values() if not component.outside
    )


def objects_of(
    estate: Estate, settings: Settings, cluster: ClusterName = None
) -> Iterator[Manifest]:
    """Yield the deployed objects of every component in a cluster (default: the default cluster)."""
    return (
        placed.manifest
        for _, placed in _placed(estate, settings, cluster)
        if placed.is_ours
    )


def created_in(
    estate: Estate, settings: Settings, cluster: ClusterName = None
) -> Iterator[tuple[Component, str, Manifest]]:
    """Yield the objects that a run creates in a cluster (default: the default cluster): component
    at its target, name in the state, object."""
    for site, placed in _placed(estate, settings, cluster):
        if placed.is_created:
            yield site, placed.name, placed.manifest


def _placed(
    estate: Estate, settings: Settings, cluster: ClusterName
) -> Iterator[tuple[Component, PlacedObject]]:
    """Yield every object in a cluster, with the component at its target."""
    if estate.role == "base":
        return
    for application in estate.applications:
        for component in application.components:
            for site in component.instances:
                if site.workload.cluster != cluster or site.outside:
                    continue
                for foundation in foundations_of(site, settings.stack.name):
                    yield site, foundation
                for placed in placed_objects(application, site, settings).all:
                    yield site, placed


def foundations(
    estate: Estate, cluster: ClusterName = None
) -> Iterator[PlacedObject]:
    """Yield the Namespaces and CustomResourceDefinitions that components render in a cluster
    (default: the default cluster). Other objects depend on them."""
    for component in estate.own.values():
        for site in component.instances:
            if site.workload.cluster == cluster:
                yield from foundations_of(site, estate.stack.name)
