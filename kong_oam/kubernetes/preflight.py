"""Finds what of the cluster does not fit the stack, before anything is made: namespaces that are missing, where a
creation would be tried for a minute and fail, and nodes and pods that would pass for the gateway.

It asks with `kubectl`, and says nothing where there is none, or where it may not look.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

from kong_oam.access.model import Estate
from kong_oam.access.settings.stack import Settings
from kong_oam.diagnostics import Diagnostic
from kong_oam.engine.state import Held
from kong_oam.kubernetes import kubectl

_ACCOUNT = "kubernetes:core/v1:ServiceAccount"


def inspect(settings: Settings, estate: Estate, held: Held) -> tuple[Diagnostic, ...]:
    """A diagnostic for each namespace that is missing, and for each range of the gateway's that others are in."""
    inside = any(not component.outside for component in estate.components.values())
    return (*_missing(settings, estate, held), *(_neighbours(settings) if inside else ()))


def _neighbours(settings: Settings) -> Iterator[Diagnostic]:
    """A diagnostic for the first node in each range: NetworkPolicies let whoever has such an address in."""
    if not settings.gateway.cidrs:
        return
    try:
        nodes = kubectl.node_addresses(settings.cluster.context)
    except kubectl.UnreadableError:
        return
    for cidr in settings.gateway.cidrs:
        ours = ip_network(cidr, strict=False)
        neighbours = (
            (name, text)
            for name, texts in sorted(nodes.items())
            for text in texts
            if (theirs := ip_network(text, strict=False)).version == ours.version and theirs.overlaps(ours)
        )
        if neighbour := next(neighbours, None):
            name, text = neighbour
            what = "its pods" if "/" in text else "the node"
            message = (
                f"kong-oam:gateway.cidrs: {cidr} holds {what} at {text} (node '{name}'), which would get past the "
                "gateway: name the gateway's own addresses, or a subnet in which nothing else is"
            )
            yield Diagnostic("ENV413", message)


def _missing(settings: Settings, estate: Estate, held: Held) -> tuple[Diagnostic, ...]:
    """A diagnostic for each missing namespace, at the first component that is to run there.

    One that the stack has something in is there.
    """
    if settings.cluster.create_namespaces:
        return ()
    inside = [component for component in estate.components.values() if not component.outside]
    existing = {component.namespace for component in inside if (_ACCOUNT, f"{component.key}-account") in held}
    first = {component.namespace: component for component in reversed(inside) if component.namespace not in existing}
    try:
        missing = kubectl.absent_namespaces(settings.cluster.context, first)
    except kubectl.UnreadableError:
        return ()
    return tuple(
        Diagnostic(
            "ENV412",
            f"the cluster has no namespace '{namespace}': make it (`kubectl create namespace {namespace}`), or have "
            "runs do it (kong-oam:cluster.createNamespaces)",
            first[namespace].place,
        )
        for namespace in sorted(missing)
    )
