"""Where components are deployed: their places in clusters and namespaces, and what cannot be
there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import kong_oam.oam.model as oam
from kong_oam.access.endpoint import Endpoint
from kong_oam.access.model import Component
from kong_oam.access.stack import Stack
from kong_oam.diagnostics import Diagnostic, Findings
from kong_oam.oam.model import DeploymentTarget
from kong_oam.oam.position import SourcePosition
from kong_oam.oam.topology import unknown_clusters
from kong_oam.oam.variants import clashing_variants


def first_target(part: oam.ComponentSpec) -> DeploymentTarget:
    """Where the gateway finds the component: of its places, the stack's own cluster first."""
    return next(iter(part.targets), DeploymentTarget())


def at_target(
    application: oam.Application, target: DeploymentTarget
) -> oam.Application:
    """The Application as it is for a component that is deployed there."""
    if not target.namespace:
        return application
    return replace(application, namespace=target.namespace)


def wrong_targets(
    application: oam.Application, components: Iterable[Component], stack: Stack
) -> Findings:
    """Yield clusters that the stack has not, places with two forms of a component, and namespaces
    that are the gateway's."""
    yield from clashing_variants(application)
    if stack.clusters is not None:
        yield from unknown_clusters(application, stack.clusters)
    gateways = stack.gateway_namespace
    if application.namespace == gateways:
        position = application.position.at("metadata", "namespace")
        yield _beside_gateway(application.namespace, position)
        return
    for component in components:
        for site in () if component.outside else component.instances:
            if (
                site.workload.cluster is None
                and site.workload.namespace == gateways
            ):
                yield _beside_gateway(
                    site.workload.namespace, site.position.at("name")
                )
                return


def _beside_gateway(namespace: str, position: SourcePosition) -> Diagnostic:
    message = f"namespace '{namespace}' is the gateway's: pods there could pass for it; use another"
    return Diagnostic("ACC216", message, position)


def unreachable(
    part: oam.ComponentSpec, endpoints: Sequence[Endpoint], stack: Stack
) -> Findings:
    """Yield the route of a component that is nowhere where the gateway reaches it.

    A name leads to a Service of the gateway's own cluster, and a node port is one of the address
    that the stack names.
    """
    cluster = first_target(part).cluster
    # Of a cluster that the stack has not, `wrong_targets` tells.
    if not endpoints or cluster not in (stack.clusters or ()):
        return
    if stack.reach != "loadBalancer" or not stack.addressed:
        message = (
            f"'{part.name}' is in cluster '{cluster}' alone, where this stack's gateway does not "
            "reach it: deploy it to 'local', too, or have the gateway reach load balancers from "
            "addresses of its own (gateway.reach: loadBalancer, gateway.cidrs)"
        )
        yield Diagnostic("ACC229", message, endpoints[0].position)


def unfederated(components: Iterable[Component], stack: Stack) -> Findings:
    """Yield clients whose pods are not, or not only, where the identity provider knows their
    ServiceAccount."""
    for component in components:
        for client in component.identity.clients:
            elsewhere = (
                component.workload.cluster or component.workload.further_targets
            )
            if elsewhere and client.provider in stack.federated:
                message = (
                    f"'{component.key}' is deployed to {component.where}, and '{client.provider}' "
                    "knows its clients by ServiceAccounts of the stack's own cluster, each in one "
                    "namespace (clusterIssuer): deploy it once, to 'local'"
                )
                yield Diagnostic("ACC230", message, client.position)
