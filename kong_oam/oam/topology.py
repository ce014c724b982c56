"""Topologies: the clusters and namespaces of an Application."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from kong_oam.diagnostics import Diagnostic, Findings, some, suggestion
from kong_oam.oam.model import (
    CLUSTER_SELECTORS,
    LOCAL_CLUSTER,
    Application,
    ComponentSpec,
    DeploymentTarget,
    Policy,
)
from kong_oam.oam.position import Texts


def topology_findings(policy: Policy) -> Findings:
    """Yield the finding about several selectors in one topology."""
    fields = ("clusters", *CLUSTER_SELECTORS)
    selectors = [field for field in fields if field in policy.properties]
    if len(selectors) > 1:
        position = policy.position.at("properties").key(selectors[0])
        message = (
            f"topology '{policy.name}': {some(selectors, ' and ')} all "
            "select clusters; keep one of them"
        )
        yield Diagnostic("OAM103", message, position)


def targets_of(policy: Policy) -> Iterator[DeploymentTarget]:
    """Yield the targets of a topology: one for each cluster, or one for its label selector."""
    position = policy.position.at("properties")
    namespace = policy.properties.get("namespace") or None
    for field in CLUSTER_SELECTORS:
        if (labels := policy.properties.get(field)) is not None:
            selector = tuple(sorted(labels.items()))
            named = ",".join(f"{key}={value}" for key, value in selector)
            here = position.key(field)
            if not selector:  # all clusters, the stack's own first
                yield DeploymentTarget(None, namespace, here)
            yield DeploymentTarget(named, namespace, here, selector=selector)
            return
    clusters = policy.properties.get("clusters") or [LOCAL_CLUSTER]
    for number, cluster in enumerate(clusters):
        here = position
        if "clusters" in policy.properties:
            here = position.at("clusters", number)
        yield DeploymentTarget(
            None if cluster in (LOCAL_CLUSTER, "") else cluster, namespace, here
        )


def on_clusters(
    application: Application, labels: Mapping[str, Texts]
) -> Application:
    """Return a resolved Application with the clusters that match its label selectors.

    `labels` has the labels of each cluster. Selectors with labels and without a match stay, and
    `unknown_clusters` reports them.
    """
    if not any(map(_selects_clusters, application.components)):
        return application
    components = [
        _on_clusters(component, labels) for component in application.components
    ]
    return replace(application, components=tuple(components))


def _selects_clusters(component: ComponentSpec) -> bool:
    return any(target.selector is not None for target in component.targets)


def _on_clusters(
    component: ComponentSpec, labels: Mapping[str, Texts]
) -> ComponentSpec:
    targets: dict[DeploymentTarget, None] = {}
    for target in component.targets:
        selected = target.selector == ()
        for name, own in labels.items():
            if target.selector is not None and (
                own.items() >= {*target.selector}
            ):
                targets[replace(target, cluster=name, selector=None)] = None
                selected = True
        if not selected:
            targets[target] = None
    return replace(component, targets=tuple(targets))


def unknown_clusters(
    application: Application, known: Collection[str]
) -> Findings:
    """Yield each cluster of a resolved Application that the stack lacks. `known` are the stack's
    clusters, by topology name."""
    by_cluster = {}
    for component in application.components:
        for target in component.targets:
            if target.cluster:
                by_cluster[target.cluster] = target
    for name, target in by_cluster.items():
        if target.selector:
            message = (
                "no context of the stack (kong-oam:cluster.contexts) has the "
                f"labels {name}; add them to a context"
            )
            yield Diagnostic("OAM103", message, target.position)
        elif name not in known:
            hint = suggestion(name, [LOCAL_CLUSTER, *known])
            message = (
                f"cluster '{name}' is no context of the stack "
                f"(kong-oam:cluster.contexts){hint}"
            )
            yield Diagnostic("OAM103", message, target.position)
