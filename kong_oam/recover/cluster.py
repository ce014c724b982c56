"""Commands that remove what may have been made in Kubernetes unknown to the state. It takes `kubectl` to look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kong_oam.engine.pending import ExportedState
from kong_oam.kubernetes.manifests import Manifest

_OURS = ("app.oam.dev/name", "app.oam.dev/component")


def removals_of_interrupted(state: ExportedState, context: str | None) -> Iterator[str]:
    """Yields for each interrupted creation a command that removes the object where it exists and has our labels."""
    for creation in state.pending:
        if creation.type.startswith("kubernetes:"):
            yield _delete(creation.type.rpartition(":")[2], creation.inputs["metadata"], context)


def removals_of_unknown(state: ExportedState, meant: Iterable[Manifest], context: str | None) -> Iterator[str]:
    """Yields such a command for each of the `meant` objects that the state, one of before, does not know."""
    recorded = {
        (resource.type.rpartition(":")[2], resource.id)
        for resource in state.resources
        if resource.type.startswith("kubernetes:")
    }
    for manifest in meant:
        metadata = manifest["metadata"]
        if (manifest["kind"], f"{metadata['namespace']}/{metadata['name']}") not in recorded:
            yield _delete(manifest["kind"], metadata, context)


def _delete(kind: str, metadata: Mapping[str, Any], context: str | None) -> str:
    labels = ",".join(f"{key}={metadata['labels'][key]}" for key in _OURS)
    where = f"--context {context} " if context else ""
    return (
        f"kubectl {where}--namespace {metadata['namespace']} delete {kind.lower()} "
        f"--selector {labels} --field-selector metadata.name={metadata['name']}"
    )
