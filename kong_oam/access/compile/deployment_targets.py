"""Check where components are deployed: the clusters and namespaces that a component may use."""

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
from kong_oam.oam.variants import clashing_variants
from kong_oam.objects.component_pods import component_pods

_OWN_CLUSTER = DeploymentTarget()


def first_target(part: oam.ComponentSpec) -> DeploymentTarget:
    """Return the place that the gateway sends calls to: the stack's own cluster, or the first
    place."""
    return part.targets[0] if part.targets else _OWN_CLUSTER


def at_target(
    application: oam.Application, target: DeploymentTarget
) -> oam.Application:
    """Return the Application with the target's namespace."""
    if not target.namespace:
        return application
    return replace(application, namespace=target.namespace)


def wrong_targets(
    application: oam.Application, components: Iterable[Component], stack: Stack
) -> Findings:
    """Yield places with two forms of a component, and the gateway's namespaces."""
    yield from clashing_variants(application)
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
    message = (
        f"namespace '{namespace}' is the gateway's: pods there would count as the gateway; use "
        "another namespace"
    )
    return Diagnostic("ACC216", message, position)


def pods_beside_peers(
    components: Iterable[Component], stack: Stack
) -> Findings:
    """Yield components with pods in the namespace of a platform peer: by its labels, they could
    connect as the peer."""
    peers = {peer.namespace: name for name, peer in stack.peers.items()}
    for component in components if peers else ():
        namespaces = {site.workload.namespace for site in component.instances}
        if component.outside:
            namespaces = set()
        for site in component.instances:
            for rendered in site.workload.rendered:
                if component_pods(rendered) and rendered.namespace:
                    namespaces.add(rendered.namespace)
        for namespace in sorted(namespaces & peers.keys()):
            name = peers[namespace]
            message = (
                f"namespace '{namespace}' is the peer's ('{name}' in cluster.peers): pods there "
                "could connect as the peer; use another namespace"
            )
            position = component.position.at("name")
            yield Diagnostic("ACC216", message, position)


def unreachable_routes(
    part: oam.ComponentSpec, endpoints: Sequence[Endpoint], stack: Stack
) -> Findings:
    """Yield the route of a component that is only in clusters which the gateway does not reach.

    A Service's name is known only in the gateway's own cluster. A node port is reached at one
    address of the stack.
    """
    cluster = first_target(part).cluster
    # `wrong_targets` reports clusters that the stack does not have.
    if not endpoints or cluster not in (stack.clusters or ()):
        return
    if stack.reach != "loadBalancer" or not stack.addressed:
        message = (
            f"the gateway does not reach '{part.name}' in cluster '{cluster}'; deploy it to "
            "'local', too, or set gateway.reach to loadBalancer and gateway.cidrs"
        )
        yield Diagnostic("ACC229", message, endpoints[0].position)


def unfederated_clients(
    components: Iterable[Component], stack: Stack
) -> Findings:
    """Yield clients with pods in places where the identity provider does not know their
    ServiceAccount."""
    for component in components:
        for client in component.identity.clients:
            elsewhere = (
                component.workload.cluster or component.workload.further_targets
            )
            if elsewhere and client.provider in stack.federated:
                message = (
                    f"'{component.key}' is deployed to {component.where}, but '{client.provider}' "
                    "knows each client by a ServiceAccount in one namespace of 'local' "
                    "(clusterIssuer); deploy it once, to 'local'"
                )
                yield Diagnostic("ACC230", message, client.position)
