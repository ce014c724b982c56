"""A state that lost something, and the command of ENV403 as somebody pastes it who wants it back."""

from __future__ import annotations

import subprocess
from typing import Any

from tests.support.engine.deployment import Deployment


def command_in(said: str) -> str:
    """The one command that a run named which stopped, as it stands in its output."""
    (command,) = {line.strip() for line in said.splitlines() if line.strip().startswith("echo ")}
    return command


def paste(deployment: Deployment, command: str) -> None:
    """Runs it in the project's folder. Raises AssertionError where it fails."""
    environment, folder = deployment.local.env, deployment.folder
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr


def forget(deployment: Deployment, component: str) -> None:
    """Takes a provider's component (its type) out of the state, with all that is in it, what was made by an account that
    is in it, and clients' keys."""

    def edit(held: list[dict[str, Any]]) -> list[dict[str, Any]]:
        gone = {one["urn"] for one in held if component in one["urn"].split("::")[2]}
        gone |= {one["urn"] for one in held if one.get("provider", "").rpartition("::")[0] in gone}
        return without(held, gone | {one["urn"] for one in held if one["type"].startswith("tls:")})

    deployment.rewrite(edit)


def without(held: list[dict[str, Any]], gone: set[str]) -> list[dict[str, Any]]:
    """The resources of a state without those, and without a word of them in what was made of them."""
    for one in held:
        one["dependencies"] = [urn for urn in one.get("dependencies") or () if urn not in gone]
        of_inputs = one.get("propertyDependencies") or {}
        one["propertyDependencies"] = {
            name: [urn for urn in urns or () if urn not in gone] for name, urns in of_inputs.items()
        }
    return [one for one in held if one["urn"] not in gone]
