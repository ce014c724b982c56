"""What Pulumi's state knows of a stack, through the CLI: the ids that it records, and creations that were cut off."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from kong_oam.engine.pending import Creation, Recorded, State
from kong_oam.errors import EngineError


class StateError(EngineError):
    """The state cannot be read, or a run is under way. The message is the CLI's."""


def read(stack: str) -> State:
    """The state as it is now. Raises StateError."""
    return parse(json.loads(_pulumi(stack, "stack", "export"))["deployment"])


def parse(deployment: Mapping[str, Any]) -> State:
    """The state from the `deployment` of `pulumi stack export` (pulumi: sdk/go/common/apitype, DeploymentV3)."""
    resources = deployment.get("resources") or ()
    made = [one for one in resources if "id" in one]
    used = {urn for one in resources for urn in one.get("dependencies") or ()}
    return State(
        ids=frozenset(part for one in made for part in one["id"].split("|")),
        interrupted=tuple(
            _creation(one["resource"])
            for one in deployment.get("pending_operations") or ()
            if one["type"] == "creating"
        ),
        root=next((one["urn"] for one in resources if one["type"] == "pulumi:pulumi:Stack"), None),
        resources=tuple(Recorded(one["type"], one["urn"], one["id"], one["urn"] in used) for one in made),
    )


def _creation(resource: Mapping[str, Any]) -> Creation:
    asked = resource.get("provider", "").split("::")  # its URN, and behind that its id
    provider = asked[-2] if len(asked) > 1 else ""
    return Creation(resource["type"], resource.get("inputs", {}), resource.get("id"), provider)


def forget(stack: str, urn: str) -> None:
    """Takes a resource out of the state, without a word to the product. Raises StateError, where another needs it."""
    _pulumi(stack, "state", "delete", urn, "--yes")


def check_at_rest(stack: str, state: State) -> None:
    """Raises StateError while another run of the engine is under way, or has left its lock.

    To refresh nothing but the stack itself asks nobody anything, but it takes the lock, whatever backend keeps it.
    """
    _pulumi(stack, "refresh", "--yes", "--skip-preview", *(["--target", state.root] if state.root else []))


def configuration(stack: str) -> dict[str, str]:
    """The stack's configuration, secrets included: never to be printed. Raises StateError."""
    found = json.loads(_pulumi(stack, "config", "--json", "--show-secrets"))
    return {key: entry["value"] for key, entry in found.items()}


def _pulumi(stack: str, *arguments: str) -> str:
    command = ["pulumi", *arguments, "--stack", stack, "--non-interactive"]
    try:
        done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603 - no shell, and our own words
    except FileNotFoundError:
        raise StateError("there is no `pulumi` on the PATH") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).removeprefix("error: ")
        raise StateError(f"`pulumi {arguments[0]}`: {said}")
    return done.stdout
