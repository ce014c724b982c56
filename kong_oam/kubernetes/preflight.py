"""Find conflicts with the cluster before a run.

It reports missing namespaces, for which Pulumi would retry for a minute and fail. It also reports
taken object names, nodes and pods in the gateway's ranges, and pods with another component's
labels. Without `kubectl`, or without the rights to read, it reports nothing.
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
from kong_oam.engine.state import RecordedNames, StackState
from kong_oam.kubernetes import kubectl
from kong_oam.kubernetes.estate import (
    ClusterName,
    clusters_of,
    created_in,
    foundations,
    running,
)
from kong_oam.kubernetes.other_pods import other_pods
from kong_oam.objects.known_kinds import is_custom
from kong_oam.objects.pods import Manifest
from kong_oam.objects.selection import STACK

_ACCOUNT = "kubernetes:core/v1:ServiceAccount"


def inspect(
    settings: Settings, estate: Estate, state: StackState
) -> Diagnostics:
    """Return a diagnostic for each missing namespace, taken name, range with other hosts, and
    component with labels on other pods."""
    found: list[Diagnostic] = []
    for cluster in clusters_of(estate):
        sites = []
        for component in running(estate):
            sites += [
                site
                for site in component.instances
                if site.workload.cluster == cluster
            ]
        found += _missing_namespaces(
            settings, estate, state.recorded_names, cluster, sites
        )
        found += _taken_names(settings, estate, state, cluster)
        found += _hosts_in_ranges(settings, cluster) if sites else ()
        found += _other_pods(settings, cluster, sites)
    return (*found, *_repeated_clusters(settings, estate))


def _repeated_clusters(settings: Settings, estate: Estate) -> Findings:
    """Yield a diagnostic for each context that leads to the cluster of another context, where their
    objects would collide."""
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
                f"kong-oam:cluster.contexts: '{context}' and '{other}' lead to "
                "one cluster; remove one of them"
            )
            yield Diagnostic("ENV414", message)


def _hosts_in_ranges(settings: Settings, cluster: ClusterName) -> Findings:
    """Yield a diagnostic for the first node or pod range in each range. NetworkPolicies would admit
    these addresses."""
    if not settings.gateway.cidrs:
        return
    try:
        nodes = kubectl.node_addresses(settings.cluster.context_of(cluster))
    except kubectl.KubectlError:
        return
    addresses = []
    for name, texts in sorted(nodes.items()):
        addresses += [(name, text) for text in texts]
    for cidr in settings.gateway.cidrs:
        ours = ip_network(cidr, strict=False)
        for name, text in addresses:
            if ip_network(text, strict=False).overlaps(ours):
                hosts = "its pods" if "/" in text else "the node"
                message = (
                    f"kong-oam:gateway.cidrs: {cidr} contains {hosts} at {text} "
                    f"(node '{name}'), so they could bypass the gateway; write "
                    "the gateway's own addresses, or a subnet without other "
                    "hosts"
                )
                yield Diagnostic("ENV413", message)
                break


def _other_pods(
    settings: Settings, cluster: ClusterName, sites: Sequence[Component]
) -> Findings:
    """Yield a diagnostic for each access trait whose `podLabels` match pods of other components."""
    try:
        for found in other_pods(settings.cluster.context_of(cluster), sites):
            message = (
                f"pods of {some(found.owners)} in namespace "
                f"'{found.component.workload.namespace}' have these podLabels. "
                f"The rules of '{found.component.key}' would apply to them; "
                "write other podLabels"
            )
            yield Diagnostic(
                "ENV415", message, found.named.position.at("podLabels")
            )
    except kubectl.KubectlError:
        return


def _missing_namespaces(
    settings: Settings,
    estate: Estate,
    held: RecordedNames,
    cluster: ClusterName,
    inside: Sequence[Component],
) -> Findings:
    """Yield a diagnostic for each missing namespace, at its first component.

    A namespace exists if the stack already has objects in it, or will exist if a component renders
    it.
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
            f"{named} has no namespace '{namespace}': create it (`kubectl "
            f"{where}create namespace {namespace}`), or let runs create it "
            "(kong-oam:cluster.createNamespaces)"
        )
        yield Diagnostic("ENV412", message, first[namespace].position)


def _taken_names(
    settings: Settings, estate: Estate, state: StackState, cluster: ClusterName
) -> Findings:
    """Yield a diagnostic for the taken names of a component's objects, for each owner.

    Only objects that are not in the state are looked up.
    """
    known = frozenset(_objects_in(state))
    known_resources = set()
    for type_, logical in state.recorded_names:
        if type_.startswith("kubernetes:"):
            known_resources.add((type_.rpartition(":")[2], logical))
    new = [
        (component, manifest)
        for component, name, manifest in created_in(estate, settings, cluster)
        if (manifest["kind"], name) not in known_resources
    ]
    context = settings.cluster.context_of(cluster)
    owners = _owners(context, [manifest for _, manifest in new])
    taken = defaultdict(list)
    places = {}
    for component, manifest in new:
        places[component.state_name] = component.position
        name = kubectl.name_of(manifest)
        # A renamed component's object has another name in the state.
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
    """Return the stacks of existing objects. Ask for custom kinds apart: kubectl fails for all
    objects if the cluster lacks one kind."""
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
    """Yield the names in the cluster of the objects in the state."""
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
    """Return the code and message about existing objects of a stack, or of none."""
    if owner == settings.stack.name:
        moved = (
            ", another partition has it (`move`)"
            if settings.stack.partitions
            else ""
        )
        recover = f"`python -m kong_oam recover -s {settings.engine_stack}`"
        return "ENV422", (
            f"{has} with this stack's label, but not in its state: an "
            f"interrupted run created it, a rule kept it{moved}, or this is "
            f"another state. See {recover}"
        )
    advice = "The run does not touch it; use another name or namespace"
    if owner:
        return (
            "ENV421",
            f"{has}, created by stack '{owner}'. {advice} in one of the stacks, "
            "or merge both into one stack",
        )
    return "ENV421", (
        f"{has}, created outside any stack (no label {STACK}). {advice}, or ask "
        "its owner to remove it"
    )
