"""A state that lost something, and the command of ENV303 as somebody pastes it who wants it back."""

from __future__ import annotations

import json
import subprocess

from sandbox.local import STACK
from tests.engine.deployment import Deployment


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
    """Takes a component (its type), and all that is in it, out of the state."""
    exported = json.loads(deployment.pulumi("stack", "export", "-s", STACK).stdout)
    held = exported["deployment"]["resources"]
    gone = {one["urn"] for one in held if component in one["urn"].split("::")[2]}
    for one in held:
        one["dependencies"] = [urn for urn in one.get("dependencies") or () if urn not in gone]
        of_inputs = one.get("propertyDependencies") or {}
        one["propertyDependencies"] = {
            name: [urn for urn in urns or () if urn not in gone] for name, urns in of_inputs.items()
        }
    exported["deployment"]["resources"] = [one for one in held if one["urn"] not in gone]
    file = deployment.local.folder / "state.json"
    file.write_text(json.dumps(exported), "utf-8")
    deployment.pulumi("stack", "import", "-s", STACK, "--file", str(file))
