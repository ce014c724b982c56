"""`kubectl` and `helm` commands that remove Kubernetes objects missing from the state. A person
runs them: the program does not ask the cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kong_oam.access.settings.values import ClusterSettings
from kong_oam.engine.pending import ExportedState
from kong_oam.kubernetes.estate import ClusterName, provider_of
from kong_oam.kubernetes.kubectl import Context, kind_of
from kong_oam.oam.position import Fields
from kong_oam.objects.pods import Manifest
from kong_oam.objects.selection import APPLICATION, COMPONENT, STACK

_OURS = (APPLICATION, COMPONENT, STACK)
_RELEASE = "kubernetes:helm.sh/v3:Release"


def removals_of_interrupted(
    state: ExportedState, settings: ClusterSettings
) -> Iterator[str]:
    """Yield for each interrupted creation a command that removes the object if it has our labels.
    Interrupted patches have none."""
    contexts = {
        provider_of(cluster): context
        for cluster, context in settings.contexts.items()
    }
    for creation in state.pending:
        context = contexts.get(creation.provider, settings.context)
        package, _, rest = creation.type.partition(":")
        version, _, kind = rest.partition(":")
        if creation.type == _RELEASE:
            yield _uninstall(creation.inputs, context)
        elif package == "kubernetes":
            metadata = creation.inputs["metadata"]
            if STACK in metadata.get("labels", {}):
                yield _delete(
                    version.removeprefix("core/"), kind, metadata, context
                )


def removals_of_unknown(
    state: ExportedState,
    meant: Iterable[Manifest],
    settings: ClusterSettings,
    cluster: ClusterName = None,
) -> Iterator[str]:
    """Yield a removal command for each intended object of a cluster that an older state lacks.
    `meant`: the manifests that the stack deploys there."""
    context = settings.context_of(cluster)
    provider = provider_of(cluster)
    recorded = {
        (resource.type.rpartition(":")[2], resource.id)
        for resource in state.resources
        if resource.type.startswith("kubernetes:")
        and resource.provider == provider
    }
    for manifest in meant:
        metadata = manifest["metadata"]
        # The provider's form of an id: NAMESPACE/NAME, or NAME outside namespaces.
        identifier = "/".join(
            filter(None, (metadata.get("namespace"), metadata["name"]))
        )
        if (manifest["kind"], identifier) not in recorded:
            yield _delete(
                manifest["apiVersion"], manifest["kind"], metadata, context
            )


def _delete(
    api_version: str,
    kind: str,
    metadata: Fields,
    context: Context,
) -> str:
    labels = ",".join(f"{key}={metadata['labels'][key]}" for key in _OURS)
    where = f"--context {context} " if context else ""
    where += (
        f"--namespace {metadata['namespace']} "
        if metadata.get("namespace")
        else ""
    )
    resource = kind_of(api_version, kind).lower()
    return (
        f"kubectl {where}delete {resource} --selector {labels} --field-selector "
        f"metadata.name={metadata['name']}"
    )


def _uninstall(inputs: Fields, context: Context) -> str:
    where = f"--kube-context {context} " if context else ""
    return (
        f"helm {where}--namespace {inputs['namespace']} uninstall {inputs['name']} "
        "--ignore-not-found"
    )
