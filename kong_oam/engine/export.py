"""Reads and changes a stack's state through the CLI: recorded ids and interrupted creations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kong_oam.engine.cli import LONG, SHORT, PulumiCliError, pulumi
from kong_oam.engine.pending import (
    ExportedState,
    PendingCreation,
    RecordedResource,
)
from kong_oam.engine.state import STACK, Resources, logical_name
from kong_oam.errors import EngineError

_TARGET = "kong:index/target:Target"

# An edge: a resource or a whole state, as the engine exports it.
Entry = Mapping[str, Any]


class InvalidStateError(EngineError):
    """A state that no run can read: a resource refers to another resource that is missing."""


def read(stack: str) -> ExportedState:
    """Return the current state. Raises cli.PulumiCliError."""
    return parse(export_state(stack)["deployment"])


def export_state(stack: str) -> Entry:
    """Return the state as `pulumi stack export` prints it. Raises cli.PulumiCliError."""
    state: Entry = json.loads(
        pulumi("stack", "export", stack=stack, timeout=LONG)
    )
    return state


def resources_in(state: Entry) -> Resources:
    """Return the resources of an exported state."""
    resources: Resources = state["deployment"].get("resources") or ()
    return resources


def parse(deployment: Entry) -> ExportedState:
    """Parse the `deployment` of `pulumi stack export` (pulumi: sdk/go/common/apitype,
    DeploymentV3)."""
    resources = deployment.get("resources") or ()
    used = set[str]()
    for resource in resources:
        used.update(resource.get("dependencies") or ())
    ids = set()
    recorded = []
    root = None
    for resource in resources:
        kind = resource["type"]
        urn = resource["urn"]
        identifier = resource.get("id")
        if kind == STACK:
            root = urn
        if identifier is not None:
            # The id of a Target begins with its Upstream's.
            ids.update(identifier.split("/" if kind == _TARGET else "|"))
            provider = _provider(resource)
            recorded.append(
                RecordedResource(kind, urn, identifier, urn in used, provider)
            )
    pending = [
        _creation(operation["resource"])
        for operation in deployment.get("pending_operations") or ()
        if operation["type"] == "creating"
    ]
    return ExportedState(
        frozenset(ids),
        tuple(pending),
        root,
        tuple(recorded),
        tuple(_unresolved(resources)),
    )


def _unresolved(resources: Iterable[Entry]) -> Iterator[tuple[str, str]]:
    """Yield each resource that refers to a URN which no earlier resource has, with that URN
    (pulumi: deploy.Snapshot, VerifyIntegrity)."""
    before = {None, ""}
    for resource in resources:
        references = {
            resource.get("parent"),
            resource.get("deletedWith"),
            *(resource.get("dependencies") or ()),
        }
        for urns in (resource.get("propertyDependencies") or {}).values():
            references.update(urns or ())
        for urn in sorted(references - before):
            yield resource["urn"], urn
        before.add(resource["urn"])


def _creation(resource: Entry) -> PendingCreation:
    return PendingCreation(
        resource["type"],
        resource.get("inputs", {}),
        resource.get("id"),
        _provider(resource),
    )


def _provider(resource: Entry) -> str:
    # The reference is the provider's URN, followed by its id.
    parts: list[str] = resource.get("provider", "").split("::")
    return parts[-2] if len(parts) > 1 else ""


def delete_from_state(stack: str, urn: str) -> None:
    """Remove a resource from the state; the product keeps it. Raises cli.PulumiCliError if another
    resource needs it."""
    pulumi("state", "delete", urn, "--yes", stack=stack, timeout=LONG)


def check_no_active_run(stack: str, state: ExportedState) -> None:
    """Check that no other run is active and no lock remains. Raises cli.PulumiCliError if there is
    a lock, and InvalidStateError.

    A refresh of only the stack itself asks no product, but it takes the lock of any backend.
    """
    target = ("--target", state.root) if state.root else ()
    try:
        pulumi(
            "refresh",
            "--yes",
            "--skip-preview",
            *target,
            stack=stack,
            timeout=LONG,
        )
    except PulumiCliError:
        if not state.unresolved:
            raise
        resource, missing = map(logical_name, state.unresolved[0])
        raise InvalidStateError(
            f"the state of stack '{stack}' is invalid: {resource} refers to {missing}, which is "
            "missing, perhaps after a run with --exclude or --target. Repair it with `pulumi "
            f"state repair -s {stack} --yes`, then recover again"
        ) from None


def configuration(stack: str) -> dict[str, str]:
    """Return the stack's configuration, secrets included: never print it. Raises
    cli.PulumiCliError."""
    settings = json.loads(
        pulumi("config", "--json", "--show-secrets", stack=stack, timeout=SHORT)
    )
    return {key: entry["value"] for key, entry in settings.items()}
