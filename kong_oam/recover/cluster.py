"""What may have been made in Kubernetes that the state does not know. It takes `kubectl` to look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kong_oam.engine.pending import ExportedState
from kong_oam.kubernetes.manifests import Manifest

_OURS = ("app.oam.dev/name", "app.oam.dev/component")


def commands(state: ExportedState, context: str | None) -> Iterator[str]:
    """For each interrupted creation a command that removes the object where it exists and has our labels."""
    for creation in state.interrupted:
        if creation.type.startswith("kubernetes:"):
            yield _delete(creation.type.rpartition(":")[2], creation.inputs["metadata"], context)


def unknown(state: ExportedState, meant: Iterable[Manifest], context: str | None) -> Iterator[str]:
    """The same for each of the objects that are meant to be there and that the state, one of before, does not know."""
    known = {(one.type.rpartition(":")[2], one.id) for one in state.resources if one.type.startswith("kubernetes:")}
    for one in meant:
        about = one["metadata"]
        if (one["kind"], f"{about['namespace']}/{about['name']}") not in known:
            yield _delete(one["kind"], about, context)


def _delete(kind: str, about: Mapping[str, Any], context: str | None) -> str:
    labels = ",".join(f"{key}={about['labels'][key]}" for key in _OURS)
    where = f"--context {context} " if context else ""
    return (
        f"kubectl {where}--namespace {about['namespace']} delete {kind.lower()} "
        f"--selector {labels} --field-selector metadata.name={about['name']}"
    )
