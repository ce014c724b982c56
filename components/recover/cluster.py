"""What may have been made in Kubernetes although its answer was lost. It takes `kubectl` to look."""

from __future__ import annotations

from collections.abc import Iterator

from components.interrupted import State

_OURS = ("app.oam.dev/name", "app.oam.dev/component")


def commands(state: State, context: str | None) -> Iterator[str]:
    """For each interrupted creation a command that removes the object where it exists and has our labels."""
    for creation in state.interrupted:
        if creation.type.startswith("kubernetes:"):
            about = creation.inputs["metadata"]
            labels = ",".join(f"{key}={about['labels'][key]}" for key in _OURS)
            where = f"--context {context} " if context else ""
            yield (
                f"kubectl {where}--namespace {about['namespace']} delete {creation.type.rpartition(':')[2].lower()} "
                f"--selector {labels} --field-selector metadata.name={about['name']}"
            )
