"""Any Kubernetes object as a resource, with the type and inputs of the SDK's class of its kind, if
any."""

from __future__ import annotations

from pulumi import Alias, CustomResource, Output, ResourceOptions
from pulumi.runtime import is_dry_run

from kong_oam.oam.position import Fields
from kong_oam.oam.rendered import Options, group_kind
from kong_oam.objects.known_kinds import RELEASE
from kong_oam.objects.pods import Manifest

# The annotation of objects with their component's version.
VERSION = "kong-oam.dev/version"

NOTHING_SAID = Options()

# By API group, the versions in which an object can be written: a definition chooses by the
# cluster's version.
_VERSIONS = {
    "apps": ("v1", "v1beta1", "v1beta2"),
    "autoscaling": ("v1", "v2", "v2beta1", "v2beta2"),
    "batch": ("v1", "v1beta1"),
    "policy": ("v1", "v1beta1"),
}


class KubernetesObject(CustomResource):
    """An object of any kind, as plain mappings in Kubernetes' own spelling."""

    metadata: Output[Fields]
    spec: Output[Fields | None]
    status: Output[Fields | None]

    def __init__(
        self,
        name: str,
        manifest: Manifest,
        opts: ResourceOptions,
        ownership: Options = NOTHING_SAID,
    ) -> None:
        kind = group_kind(manifest)
        version = str(manifest["apiVersion"])
        known = f"core/{version}" if "/" not in version else version
        inputs = {"spec": None, "status": None, **manifest}
        if kind == RELEASE:
            inputs = dict(manifest["spec"])
        if ownership.read:  # a read-only object: the program sets nothing
            inputs = {"metadata": None, "spec": None, "status": None}
        options = ResourceOptions(
            aliases=[
                Alias(type_=f"kubernetes:{other}:{kind[1]}")
                for other in _other_versions(known)
            ]
        )
        if kind == ("", "Secret"):
            options.additional_secret_outputs = ["data"]
            if not ownership.read:
                inputs["data"] = Output.secret(inputs.get("data"))
        for more in (options, _ownership_options(ownership, manifest)):
            opts = ResourceOptions.merge(opts, more)
        super().__init__(
            f"kubernetes:{known}:{kind[1]}{'Patch' if ownership.patch else ''}",
            name,
            inputs,
            opts,
        )


def of_version(manifest: Manifest, version: str) -> Manifest:
    """Annotate an object, but not its pods, with the component's version."""
    metadata = manifest["metadata"]
    annotations = {**metadata.get("annotations", {}), VERSION: version}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def _ownership_options(
    ownership: Options, manifest: Manifest
) -> ResourceOptions:
    """Return the options of an object, from the policies of its Application."""
    metadata = manifest["metadata"]
    identifier = "/".join(
        filter(None, (metadata.get("namespace"), metadata["name"]))
    )
    # Most fields of a Pod cannot change, and the plugin does not know all of them: Kubernetes would
    # reject a new `envFrom`.
    replaced = [
        *ownership.replace_on_changes,
        *(["spec"] if group_kind(manifest) == ("", "Pod") else []),
    ]
    return ResourceOptions(
        ignore_changes=list(ownership.ignore_changes) or None,
        replace_on_changes=replaced or None,
        delete_before_replace=True
        if replaced
        else None,  # the new object has the old object's name
        retain_on_delete=ownership.retain_on_delete or None,
        id=identifier if ownership.read else None,
        import_=identifier if ownership.take_over else None,
    )


def is_of_version(resource: KubernetesObject, version: str) -> Output[bool]:
    """Tell whether the object in the cluster has this version, and its pods, if it has any, run.

    A preview assumes a successful run.
    """
    if is_dry_run():
        return resource.urn.apply(lambda _: True)
    read = Output.all(resource.metadata, resource.status)
    kind = resource.pulumi_resource_type.rpartition(":")[2]
    return read.apply(lambda parts: is_ready(kind, version, *parts))


def is_ready(
    kind: str, version: str, metadata: Fields, status: Fields | None
) -> bool:
    """Tell whether an object that was read has this version, and whether its pods were all ready
    once.

    An object without a status of pods counts as ready. A Deployment's condition Progressing keeps
    its last reason; StatefulSets and DaemonSets count the updated pods, even after a pod fails
    later (Kubernetes API reference). A Job or CronJob is ready once it exists: no traffic reaches
    it.
    """
    if (metadata.get("annotations") or {}).get(VERSION) != version:
        return False
    status = status or {}
    observed = status.get("observedGeneration")
    if observed is not None and observed < (metadata.get("generation") or 0):
        return False
    match kind:
        case "Deployment":
            return _has_rolled_out(status)
        case "StatefulSet":
            return bool(
                status.get("updateRevision") == status.get("currentRevision")
            )
        case "DaemonSet":
            updated = status.get("updatedNumberScheduled", 0)
            return bool(updated >= status.get("desiredNumberScheduled", 0))
        case _:
            return True


def _has_rolled_out(status: Fields) -> bool:
    for condition in status.get("conditions") or ():
        if condition.get("type") == "Progressing":
            return bool(condition.get("reason") == "NewReplicaSetAvailable")
    return True


def _other_versions(api_version: str) -> list[str]:
    group, _, version = api_version.partition("/")
    return [
        f"{group}/{other}"
        for other in _VERSIONS.get(group, ())
        if other != version
    ]
