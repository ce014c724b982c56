"""Provisions a component's Kubernetes objects: the rendered objects and our additions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pulumi import Output, Resource

from kong_oam.access.model import Application, Component
from kong_oam.access.settings.values import Settings
from kong_oam.kubernetes.kubectl import kind_of, resource_of
from kong_oam.kubernetes.rendered import PlacedObject, placed_objects
from kong_oam.oam.rendered import Awaited, group_kind
from kong_oam.objects.known_kinds import RELEASE
from kong_oam.objects.pods import Manifest
from kong_oam.objects.selection import COMPONENT

from ..graph import Predecessors
from .cluster import Cluster
from .credential import (
    ClientEnvironment,
    digest_of,
    provision_secret,
    with_credential,
)
from .objects import KubernetesObject, is_of_version, of_version
from .upstream import Upstream, upstream_of
from .values import value_of, with_values

_Made = Sequence[tuple[PlacedObject, KubernetesObject]]
# The stages of objects, in the order of their creation.
_STAGES = ("needed", "beside", "running", "after")

# The API, kind, name and namespace of an object.
_Identity = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class WorkloadArgs:
    """The inputs of a component's objects in one cluster.

    They come after `after`. `value` reads what another component gives.
    """

    application: Application
    component: Component
    settings: Settings
    client: ClientEnvironment
    cluster: Cluster
    after: Predecessors
    value: Callable[[Awaited], Output[str]]


@dataclass(frozen=True, slots=True)
class Workload:
    """The objects of a component, with ServiceAccount and NetworkPolicy where it has pods, and the
    Secret of a client. Namespaces and CustomResourceDefinitions are the cluster's.

    A gate comes after `resources`. `rolled_out` says whether the running version matches this run:
    it is false if the run leaves out objects or fails at them. `upstreams` are the gateway's
    addresses, by backend; a copy has none.
    """

    resources: Predecessors
    rolled_out: Output[bool]
    upstreams: Mapping[str, Upstream]
    objects: Mapping[_Identity, KubernetesObject]

    def value(self, awaited: Awaited) -> Output[str]:
        """Return the state of an object in the cluster."""
        name = (awaited.api, awaited.kind, awaited.name)
        resource = self.objects.get((*name, awaited.namespace))
        if resource is None:
            # KubeVela writes a namespace to objects without a namespace.
            resource = self.objects[*name, ""]
        return value_of(resource, awaited)


def provision_workload(args: WorkloadArgs, parent: Resource) -> Workload:
    """Make the objects of a component in one cluster."""
    component = args.component
    cluster = args.cluster
    client = args.client
    placed = placed_objects(args.application, component, args.settings)
    needed = []
    mark = None
    if placed.secret:
        name = component.state_name
        manifest = placed.secret.manifest
        opts = cluster.options(manifest, parent, ())
        needed.append(provision_secret(name, manifest, client, opts))
        mark = digest_of(client.settings)

    made: list[tuple[PlacedObject, KubernetesObject]] = []
    rolled_out = []
    for placed_object in sorted(placed.objects, key=_stage):
        earlier = _earlier(placed_object, made, [*needed, *args.after])
        manifest = _manifest(placed_object, args, mark)
        opts = cluster.options(placed_object.manifest, parent, earlier)
        resource = KubernetesObject(
            placed_object.name, manifest, opts, placed_object.options
        )
        made.append((placed_object, resource))
        if placed_object.stage == "needed":
            needed.append(resource)
        if placed_object.version:
            rolled_out.append(is_of_version(resource, placed_object.version))
        message = _message(cluster, component, placed_object)
        cluster.waiting.watch(resource, earlier, message)

    return Workload(
        [
            resource
            for placed_object, resource in made
            if placed_object.precedes_gate
        ],
        Output.all(*rolled_out).apply(all),
        {}
        if component.workload.further_target
        else _upstreams(component, made, args.settings),
        {_identity(item.manifest): resource for item, resource in made},
    )


def _manifest(
    placed_object: PlacedObject, args: WorkloadArgs, mark: Output[str] | None
) -> Manifest:
    """Return the object with the values that only a run knows: its version, a client's credential,
    and values of other components."""
    manifest = placed_object.manifest
    if placed_object.version:
        manifest = of_version(manifest, placed_object.version)
    if mark is not None and placed_object.pods:
        manifest = with_credential(
            manifest, placed_object.pods, args.client, mark
        )
    awaited = placed_object.awaited
    if awaited:
        values = {part.placeholder: args.value(part) for part in awaited}
        manifest = with_values(manifest, values)
    return manifest


def _upstreams(
    component: Component, made: _Made, settings: Settings
) -> dict[str, Upstream]:
    services = {
        placed.manifest["metadata"]["name"]: resource
        for placed, resource in made
        if group_kind(placed.manifest) == ("", "Service")
    }
    return {
        name: upstream_of(
            settings.gateway,
            services[backend.service],
            component.workload.namespace,
            backend,
        )
        for name, backend in component.backends.items()
    }


def _identity(manifest: Manifest) -> _Identity:
    metadata = manifest["metadata"]
    return (
        manifest["apiVersion"],
        manifest["kind"],
        metadata["name"],
        metadata.get("namespace", ""),
    )


def _stage(placed: PlacedObject) -> int:
    return _STAGES.index(placed.stage)


def _earlier(
    placed: PlacedObject, made: _Made, needed: Predecessors
) -> Predecessors:
    """Return the dependencies of an object among the objects made before it. The run gives up on a
    Service without pods."""
    if placed.stage == "running":
        return needed
    if placed.stage == "after":
        running = [
            resource for other, resource in made if other.stage == "running"
        ]
        return [*needed, *running]
    return ()


def _message(
    cluster: Cluster, component: Component, placed: PlacedObject
) -> str:
    manifest = placed.manifest
    kind = manifest["kind"]
    name = manifest["metadata"]["name"]
    namespace = manifest["metadata"].get("namespace", "")
    if placed.pods:
        return (
            f"{kind} '{namespace}/{name}' has pods of this version that are not ready; after ten "
            f"minutes the run gives up. See {cluster.kubectl} --namespace={namespace} get pods "
            f"--selector={COMPONENT}={component.name}"
        )
    if group_kind(manifest) == RELEASE:
        return (
            f"release '{namespace}/{name}' is not ready. See {cluster.helm} --namespace "
            f"{namespace} status {name}"
        )
    described = resource_of(kind_of(manifest["apiVersion"], kind))
    within = f"{namespace}/" if namespace else ""
    flag = f"--namespace={namespace} " if namespace else ""
    return (
        f"{kind} '{within}{name}' is not ready; after ten minutes "
        f"the run gives up. See {cluster.kubectl} {flag}describe "
        f"{described} {name}"
    )
