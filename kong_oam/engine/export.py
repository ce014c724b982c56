"""Reads and changes a stack's state through the CLI: the ids that it records, and creations that
were cut off."""

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

# An edge: a resource, or all of a state, as the engine exports it.
Entry = Mapping[str, Any]


class InvalidStateError(EngineError):
    """A state that no run can read, since a resource refers to another that the state does not
    have."""


def read(stack: str) -> ExportedState:
    """Read the state as it is now. Raises cli.PulumiCliError."""
    return parse(exported(stack)["deployment"])


def exported(stack: str) -> Entry:
    """Return the state as `pulumi stack export` prints it. Raises cli.PulumiCliError."""
    state: Entry = json.loads(
        pulumi("stack", "export", stack=stack, timeout=LONG)
    )
    return state


def resources_in(state: Entry) -> Resources:
    """Return the resources of a state that was exported."""
    resources: Resources = state["deployment"].get("resources") or ()
    return resources


def parse(deployment: Entry) -> ExportedState:
    """Make the state of the `deployment` of `pulumi stack export` (pulumi: sdk/go/common/apitype,
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
            ids.update(identifier.split("|"))
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
    """Yield resources that refer to an URN which no resource before them has (pulumi:
    deploy.Snapshot, VerifyIntegrity)."""
    before: set[str | None] = {None, ""}
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
    # Its URN, and behind that its id.
    parts: list[str] = resource.get("provider", "").split("::")
    return parts[-2] if len(parts) > 1 else ""


def forget(stack: str, urn: str) -> None:
    """Take a resource out of the state, without a word to the product. Raises cli.PulumiCliError, where
    another needs it."""
    pulumi("state", "delete", urn, "--yes", stack=stack, timeout=LONG)


def check_at_rest(stack: str, state: ExportedState) -> None:
    """Check that no other run of the engine is under way, or has left its lock. Raises
    cli.PulumiCliError where one is, and InvalidStateError.

    To refresh nothing but the stack itself asks nobody anything, but it takes the lock, whatever
    backend keeps it.
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
            f"no run can read the state of stack '{stack}': {resource} refers to {missing}, which "
            "is not there. A run with --exclude or --target may leave that. Repair it with `pulumi "
            f"state repair -s {stack} --yes`, and recover once more"
        ) from None


def configuration(stack: str) -> dict[str, str]:
    """Read the stack's configuration, secrets included: never to be printed. Raises
    cli.PulumiCliError."""
    settings = json.loads(
        pulumi("config", "--json", "--show-secrets", stack=stack, timeout=SHORT)
    )
    return {key: entry["value"] for key, entry in settings.items()}
