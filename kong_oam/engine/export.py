"""What Pulumi's state knows of a stack, through the CLI: the ids that it records, and creations that were cut off."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kong_oam.engine.cli import LONG, SHORT, pulumi
from kong_oam.engine.pending import ExportedState, PendingCreation, RecordedResource


def read(stack: str) -> ExportedState:
    """The state as it is now. Raises cli.CliError."""
    return parse(json.loads(pulumi("stack", "export", stack=stack, timeout=LONG))["deployment"])


def parse(deployment: Mapping[str, Any]) -> ExportedState:
    """The state from the `deployment` of `pulumi stack export` (pulumi: sdk/go/common/apitype, DeploymentV3)."""
    resources = deployment.get("resources") or ()
    made = [one for one in resources if "id" in one]
    used = {urn for one in resources for urn in one.get("dependencies") or ()}
    return ExportedState(
        ids=frozenset(part for one in made for part in one["id"].split("|")),
        interrupted=tuple(
            _creation(one["resource"])
            for one in deployment.get("pending_operations") or ()
            if one["type"] == "creating"
        ),
        root=next((one["urn"] for one in resources if one["type"] == "pulumi:pulumi:Stack"), None),
        resources=tuple(RecordedResource(one["type"], one["urn"], one["id"], one["urn"] in used) for one in made),
    )


def _creation(resource: Mapping[str, Any]) -> PendingCreation:
    asked = resource.get("provider", "").split("::")  # its URN, and behind that its id
    provider = asked[-2] if len(asked) > 1 else ""
    return PendingCreation(resource["type"], resource.get("inputs", {}), resource.get("id"), provider)


def forget(stack: str, urn: str) -> None:
    """Takes a resource out of the state, without a word to the product. Raises cli.CliError, where another needs it."""
    pulumi("state", "delete", urn, "--yes", stack=stack, timeout=LONG)


def check_at_rest(stack: str, state: ExportedState) -> None:
    """Raises cli.CliError while another run of the engine is under way, or has left its lock.

    To refresh nothing but the stack itself asks nobody anything, but it takes the lock, whatever backend keeps it.
    """
    target = ("--target", state.root) if state.root else ()
    pulumi("refresh", "--yes", "--skip-preview", *target, stack=stack, timeout=LONG)


def configuration(stack: str) -> dict[str, str]:
    """The stack's configuration, secrets included: never to be printed. Raises cli.CliError."""
    settings = json.loads(pulumi("config", "--json", "--show-secrets", stack=stack, timeout=SHORT))
    return {key: entry["value"] for key, entry in settings.items()}
