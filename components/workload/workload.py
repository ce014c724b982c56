"""Provisions a component's Kubernetes objects: those that are rendered, and what is added to
them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import pulumi

from kong_oam.access.model import Application, Component, Estate
from kong_oam.access.settings.stack import Settings
from kong_oam.kubernetes.kubectl import kind_of, resource_of
from kong_oam.kubernetes.rendered import RELEASE, PlacedObject, placed_objects
from kong_oam.oam.rendered import Awaited, group_kind
from kong_oam.objects.component import COMPONENT
from kong_oam.objects.pods import CONTAINER_LISTS, Manifest, Path, holder_at

from ..identity.issuer import Issuer, SecretReference
from .cluster import Cluster
from .credential import (
    CREDENTIAL_DIGEST,
    add_references,
    add_tokens,
    digest_of,
    provision_secret,
)
from .environment import (
    federation_audiences,
    granted_to,
    secret_references,
    settings_of,
)
from .manifest import of_version
from .objects import KubernetesObject, is_of_version
from .upstream import Upstream, upstream_of
from .values import value_of, with_values

_REPLACED = frozenset({("batch", "Job"), ("", "Pod")})
"""Whose pods cannot be changed: a mark in them would run them again."""


class Workload:
    """The objects of a component, with ServiceAccount and NetworkPolicy where it has pods, and the
    Secret of a client. Namespaces and CustomResourceDefinitions are the cluster's. `value` reads
    what another component gives.

    A gate comes after `resources`. `rolled_out` says whether what runs is what this run means: a
    run that leaves some of it out, or fails there, has others. `upstreams` are, by backend, where
    the gateway finds it; a copy has none.
    """

    def __init__(
        self,
        application: Application,
        component: Component,
        estate: Estate,
        settings: Settings,
        issuers: Mapping[str, Issuer],
        cluster: Cluster,
        after: Sequence[pulumi.Resource],
        parent: pulumi.Resource,
        value: Callable[[Awaited], pulumi.Output[str]],
    ) -> None:
        placed = placed_objects(application, component, settings)
        credential = settings_of(component, estate, issuers)
        needed: list[pulumi.Resource] = []
        if placed.secret:
            options = cluster.within(component.namespace, parent)
            name, granted = component.state_name, granted_to(component, issuers)
            needed.append(
                provision_secret(
                    name, placed.secret.manifest, credential, granted, options
                )
            )
        change = partial(
            _of_client,
            references=secret_references(component, estate, issuers),
            audiences=federation_audiences(component, estate, issuers),
            mark=digest_of(credential) if placed.secret else None,
        )
        made: list[tuple[PlacedObject, KubernetesObject]] = []
        rolled_out: list[pulumi.Output[bool]] = []
        for one in sorted(placed.objects, key=_order):
            manifest = (
                of_version(one.manifest, one.version) if one.version else one.manifest
            )
            earlier = _earlier(one, made, [*needed, *after])
            options = cluster.around(manifest, parent, earlier)
            complete = change(manifest, one.pods)
            if one.awaited:
                complete = with_values(
                    complete, {part.stand_in: value(part) for part in one.awaited}
                )
            resource = KubernetesObject(one.name, complete, options, one.options)
            made.append((one, resource))
            if one.stage == "needed":
                needed.append(resource)
            if one.version:
                rolled_out.append(is_of_version(resource, one.version))
            cluster.waiting.watch(resource, earlier, _message(cluster, component, one))
        self.resources: Sequence[pulumi.Resource] = tuple(
            resource for one, resource in made if one.answers
        )
        self._objects = {_identity(one.manifest): resource for one, resource in made}
        self.rolled_out = pulumi.Output.all(*rolled_out).apply(all)
        self.upstreams = (
            {} if component.copied else _upstreams(component, made, settings)
        )

    def value(self, awaited: Awaited) -> pulumi.Output[str]:
        """Gives what the cluster says of one of the objects."""
        name = (awaited.api, awaited.kind, awaited.name)
        namespaces = (
            awaited.namespace,
            "",
        )  # of what is in none, KubeVela has written one
        return value_of(
            next(
                self._objects[*name, one]
                for one in namespaces
                if (*name, one) in self._objects
            ),
            awaited,
        )


def _upstreams(
    component: Component,
    made: Sequence[tuple[PlacedObject, KubernetesObject]],
    settings: Settings,
) -> dict[str, Upstream]:
    services = {
        one.manifest["metadata"]["name"]: resource
        for one, resource in made
        if _is_service(one.manifest)
    }
    return {
        name: upstream_of(
            settings.gateway, services[backend.service], component.namespace, backend
        )
        for name, backend in component.backends.items()
    }


def _identity(manifest: Manifest) -> tuple[str, str, str, str]:
    metadata = manifest["metadata"]
    return (
        manifest["apiVersion"],
        manifest["kind"],
        metadata["name"],
        metadata.get("namespace", ""),
    )


def _order(one: PlacedObject) -> int:
    return ("needed", "beside", "running", "after").index(one.stage)


def _earlier(
    one: PlacedObject,
    made: Sequence[tuple[PlacedObject, KubernetesObject]],
    needed: Sequence[pulumi.Resource],
) -> Sequence[pulumi.Resource]:
    """Gives what an object waits for, of what is made before it. The run gives up on a Service
    without pods."""
    match one.stage:
        case "running":
            return needed
        case "after":
            return [
                *needed,
                *(resource for other, resource in made if other.stage == "running"),
            ]
        case _:
            return ()


def _is_service(manifest: Manifest) -> bool:
    return group_kind(manifest) == ("", "Service")


def _of_client(
    manifest: Manifest,
    pods: Sequence[Path],
    references: Mapping[str, SecretReference],
    audiences: Mapping[str, str],
    mark: pulumi.Output[str] | None,
) -> Manifest:
    """Completes the pods with what only a run knows of the client: `references`, by variable, are
    secrets that lie in Secrets of somebody else's, `audiences` those of tokens that it needs, and
    `mark` restarts them."""
    if mark is None or not pods:
        return manifest
    changed = copy.deepcopy(manifest)
    for path in pods:
        if not (template := holder_at(changed, path)):
            continue
        containers = [
            container
            for kind in CONTAINER_LISTS
            for container in template["spec"].get(kind, ())
        ]
        add_references(containers, references)
        add_tokens(template["spec"], containers, audiences)
        if group_kind(manifest) not in _REPLACED:
            metadata = template["metadata"]
            metadata["annotations"] = {
                **metadata.get("annotations", {}),
                CREDENTIAL_DIGEST: mark,
            }
    return changed


def _message(cluster: Cluster, component: Component, one: PlacedObject) -> str:
    manifest, kind = one.manifest, one.manifest["kind"]
    namespace, name = (
        manifest["metadata"].get("namespace", ""),
        manifest["metadata"]["name"],
    )
    if one.pods:
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
    where = f"--namespace={namespace} " if namespace else ""
    return (
        f"{kind} '{f'{namespace}/' if namespace else ''}{name}' is not ready; after ten minutes "
        f"the run gives up. See {cluster.kubectl} {where}describe "
        f"{resource_of(kind_of(manifest['apiVersion'], kind))} {name}"
    )
