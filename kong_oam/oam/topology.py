"""Topologies: on which clusters and in which namespaces an Application is deployed. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from kong_oam.diagnostics import Diagnostic, some, suggestion
from kong_oam.oam.model import (
    CLUSTER_SELECTORS,
    HERE,
    Application,
    Component,
    Placement,
    Policy,
)


def wrong_topology(policy: Policy) -> Iterator[Diagnostic]:
    """Yields selectors of clusters that select all, and those beside which something else says the
    clusters."""
    said = [
        field
        for field in ("clusters", *CLUSTER_SELECTORS)
        if field in policy.properties
    ]
    for field in said:
        place = policy.place.at("properties").key(field)
        if len(said) > 1:
            message = (
                f"topology '{policy.name}': {some(said, ' and ')} say which clusters; keep "
                "one of them"
            )
            yield Diagnostic("OAM103", message, place)
            return
        if field in CLUSTER_SELECTORS and not policy.properties[field]:
            message = (
                f"topology '{policy.name}': {field} says no label; write labels, or name "
                "clusters: [...]"
            )
            yield Diagnostic("OAM103", message, place)


def on_clusters(
    application: Application, labels: Mapping[str, Mapping[str, str]]
) -> Application:
    """A resolved Application with the clusters that its topologies select by labels: `labels` are
    those of each. What selects none is left as it is, for `unknown_clusters`."""
    if not any(
        one.selector for part in application.components for one in part.placements
    ):
        return application

    def selected(one: Placement) -> list[Placement]:
        names = [
            name
            for name, own in labels.items()
            if one.selector and {*one.selector} <= own.items()
        ]
        return [replace(one, cluster=name, selector=()) for name in names] or [one]

    def everywhere(part: Component) -> Component:
        found = dict.fromkeys(each for one in part.placements for each in selected(one))
        return replace(part, placements=tuple(found))

    return replace(
        application, components=tuple(map(everywhere, application.components))
    )


def unknown_clusters(
    application: Application, known: Collection[str]
) -> Iterator[Diagnostic]:
    """Yields each cluster of a resolved Application that is none of the stack's: `known` are those
    that are, as topologies write them."""
    found = {
        one.cluster: one
        for part in application.components
        for one in part.placements
        if one.cluster
    }
    for name, placement in found.items():
        if placement.selector:
            message = f"no context of the stack (kong-oam:cluster.contexts) has the labels {name}"
            yield Diagnostic("OAM103", message, placement.place)
        elif name not in known:
            hint = suggestion(name, [HERE, *known])
            message = f"cluster '{name}' is no context of the stack (kong-oam:cluster.contexts){hint}"
            yield Diagnostic("OAM103", message, placement.place)
