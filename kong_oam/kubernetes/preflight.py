"""Finds what of the cluster does not fit the stack, before anything is made: namespaces that are
missing, where a creation would be tried for a minute and fail, objects whose names are taken, nodes
and pods that would pass for the gateway, and pods that another component's rules would open.

It asks with `kubectl`, and says nothing where there is none, or where it may not look.
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from ipaddress import ip_network

from kong_oam.access.model import Component, Estate
from kong_oam.access.settings.values import Settings
from kong_oam.diagnostics import Diagnostic, Diagnostics, Findings, some
from kong_oam.engine.state import Held, StackState
from kong_oam.kubernetes import kubectl
from kong_oam.kubernetes.estate import (
    ClusterName,
    clusters_of,
    created_in,
    foundations,
    running,
)
from kong_oam.kubernetes.selected import other_pods
from kong_oam.objects.known_kinds import is_custom
from kong_oam.objects.pods import Manifest
from kong_oam.objects.selection import STACK

_ACCOUNT = "kubernetes:core/v1:ServiceAccount"


def inspect(
    settings: Settings, estate: Estate, state: StackState
) -> Diagnostics:
    """Return a diagnostic for each namespace that is missing, for the names of each component that
    are taken, for each range of the gateway's that others are in, and for each component that
    would reach pods of others."""
    found: list[Diagnostic] = []
    for cluster in clusters_of(estate):
        sites: list[Component] = []
        for component in running(estate):
            sites += [
                site
                for site in component.instances
                if site.workload.cluster == cluster
            ]
        found += _missing(settings, estate, state.held, cluster, sites)
        found += _taken(settings, estate, state, cluster)
        found += _neighbours(settings, cluster) if sites else ()
        found += _other_pods(settings, cluster, sites)
    return (*found, *_one_cluster(settings, estate))


def _one_cluster(settings: Settings, estate: Estate) -> Findings:
    """Yield a diagnostic for each context that leads to a cluster of another one: what is told
    apart by its cluster would be together there."""
    clusters = clusters_of(estate)
    first: dict[str, str] = {}
    for cluster in clusters if len(clusters) > 1 else ():
        context = str(settings.cluster.context_of(cluster))
        try:
            identity = kubectl.identity(context)
        except kubectl.KubectlError:
            continue
        if (
            identity
            and (other := first.setdefault(identity, context)) != context
        ):
            message = (
                f"kong-oam:cluster.contexts: '{context}' leads to the cluster of '{other}'; "
                "name a cluster once"
            )
            yield Diagnostic("ENV414", message)


def _neighbours(settings: Settings, cluster: ClusterName) -> Findings:
    """Yield a diagnostic for the first node in each range: NetworkPolicies let whoever has such an
    address in."""
    if not settings.gateway.cidrs:
        return
    try:
        nodes = kubectl.node_addresses(settings.cluster.context_of(cluster))
    except kubectl.KubectlError:
        return
    addresses: list[tuple[str, str]] = []
    for name, texts in sorted(nodes.items()):
        addresses += [(name, text) for text in texts]
    for cidr in settings.gateway.cidrs:
        ours = ip_network(cidr, strict=False)
        for name, text in addresses:
            if ip_network(text, strict=False).overlaps(ours):
                what = "its pods" if "/" in text else "the node"
                message = (
                    f"kong-oam:gateway.cidrs: {cidr} holds {what} at {text} (node '{name}'), which "
                    "would get past the gateway: name the gateway's own addresses, or a subnet in "
                    "which nothing else is"
                )
                yield Diagnostic("ENV413", message)
                break


def _other_pods(
    settings: Settings, cluster: ClusterName, sites: Sequence[Component]
) -> Findings:
    """Yield a diagnostic for each access trait whose `podLabels` are on pods of other
    components."""
    try:
        for found in other_pods(settings.cluster.context_of(cluster), sites):
            message = (
                f"pods of {some(found.owners)} in namespace '{found.component.workload.namespace}' have "
                f"these podLabels, and the rules of '{found.component.key}' would open them; take "
                "the labels off these pods, or write others here"
            )
            yield Diagnostic(
                "ENV415", message, found.named.position.at("podLabels")
            )
    except kubectl.KubectlError:
        return


def _missing(
    settings: Settings,
    estate: Estate,
    held: Held,
    cluster: ClusterName,
    inside: Sequence[Component],
) -> Findings:
    """Yield a diagnostic for each missing namespace, at the first component that is to run there.

    One that the stack has something in is there, and one that a component renders will be.
    """
    if settings.cluster.create_namespaces:
        return
    first: dict[str, Component] = {}
    for component in inside:
        first.setdefault(component.workload.namespace, component)
    for component in inside:
        if (_ACCOUNT, f"{component.state_name}-account") in held:
            first.pop(component.workload.namespace, None)
    for foundation in foundations(estate, cluster):
        if foundation.manifest["kind"] == "Namespace":
            first.pop(foundation.manifest["metadata"]["name"], None)
    context = settings.cluster.context_of(cluster)
    try:
        missing = kubectl.absent_namespaces(context, first)
    except kubectl.KubectlError:
        return
    named = f"cluster '{cluster}'" if cluster else "the cluster"
    where = f"--context={shlex.quote(str(context))} " if cluster else ""
    for namespace in sorted(missing):
        message = (
            f"{named} has no namespace '{namespace}': make it (`kubectl {where}create namespace "
            f"{namespace}`), or have runs do it (kong-oam:cluster.createNamespaces)"
        )
        yield Diagnostic("ENV412", message, first[namespace].position)


def _taken(
    settings: Settings, estate: Estate, state: StackState, cluster: ClusterName
) -> Findings:
    """Yield a diagnostic for the objects of a component whose names are taken in the cluster, for
    each owner of these.

    The cluster is asked only for objects that the state does not hold.
    """
    known = frozenset(_objects_in(state))
    held = set()
    for type_, logical in state.held:
        if type_.startswith("kubernetes:"):
            held.add((type_.rpartition(":")[2], logical))
    new = [
        (component, manifest)
        for component, name, manifest in created_in(estate, settings, cluster)
        if (manifest["kind"], name) not in held
    ]
    context = settings.cluster.context_of(cluster)
    owners = _owners(context, [manifest for _, manifest in new])
    taken: dict[tuple[str, str | None], list[str]] = defaultdict(list)
    places = {}
    for component, manifest in new:
        places[component.state_name] = component.position
        name = kubectl.name_of(manifest)
        # An object of ours may have another name in the state: the component was renamed.
        is_ours = name in known and owners.get(name) == settings.stack.name
        if name in owners and not is_ours:
            taken[component.state_name, owners[name]].append(
                kubectl.shown(name)
            )
    where = f"cluster '{cluster}'" if cluster else "the cluster"
    for (component_name, owner), shown in taken.items():
        more = ""
        if len(shown) > 1:
            more = f" and {len(shown) - 1} more of '{component_name}'"
        code, message = _name_conflict(
            settings, f"{where} has {shown[0]}{more}", owner
        )
        yield Diagnostic(code, message, places[component_name])


def _owners(
    context: str | None, wanted: Sequence[Manifest]
) -> kubectl.StacksByName:
    """Return the stacks of the objects that are there. Kinds that are not Kubernetes' own are
    asked for apart: a cluster that does not know a kind answers nothing of the others."""
    parts: dict[bool, list[Manifest]] = {False: [], True: []}
    for manifest in wanted:
        parts[is_custom(manifest["apiVersion"].rpartition("/")[0])].append(
            manifest
        )
    found: kubectl.StacksByName = {}
    for part in parts.values():
        with suppress(kubectl.KubectlError):
            found |= kubectl.stacks(context, part)
    return found


def _objects_in(state: StackState) -> Iterator[kubectl.Name]:
    """Yield the names in the cluster of the objects that the state has."""
    for resource in state.resources:
        is_object = {
            "apiVersion",
            "kind",
            "metadata",
        } <= resource.outputs.keys()
        if resource.type.startswith("kubernetes:") and is_object:
            yield kubectl.name_of(resource.outputs)


def _name_conflict(
    settings: Settings, has: str, owner: str | None
) -> tuple[str, str]:
    """Return the code and the message of what is wrong with objects that the cluster has, of a
    stack or of none."""
    if owner == settings.stack.name:
        moved = (
            ", another partition has it (`move`)"
            if settings.stack.partitions
            else ""
        )
        recover = f"`python -m kong_oam recover -s {settings.engine_stack}`"
        return "ENV422", (
            f"{has}, made by this stack, whose state does not know it: an interrupted run made it, "
            f"a rule kept it{moved}, or this is another state. See what {recover} says"
        )
    left = "It is left as it is; take another name or namespace"
    if owner:
        return (
            "ENV421",
            f"{has}, made by stack '{owner}'. {left} in one of the two stacks, or bring both into "
            "one",
        )
    return "ENV421", (
        f"{has}, made outside any stack (no label {STACK}). {left}, or have it removed by whoever "
        "made it"
    )
