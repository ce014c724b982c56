"""The line in the CLI's output with a run's changes of access."""

import subprocess

import pytest

from sandbox.local import STACK
from tests.support.engine.deployment import Deployment

# Each preview says it of an MCP server.
TOKENS = "access: tokens for the MCP server desk/mcp have the stack's audience"
LINE = "warning: access: newly public: POST http://orders.example.com/orders/health"


def _preview(deployment: Deployment, *arguments: str) -> str:
    done = deployment.pulumi("preview", "-s", STACK, *arguments)
    return done.stdout + done.stderr


def _announcement(deployment: Deployment) -> tuple[int, str]:
    """Return the exit status of `diff` with the deployed estate, and its first line."""
    command = [
        ".venv/bin/python",
        "-m",
        "kong_oam",
        "diff",
        "deployed:local",
        ".",
        "--exit-code",
    ]
    ran = subprocess.run(
        command,
        cwd=deployment.folder,
        env=deployment.local.env,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert ran.stderr == ""
    return ran.returncode, ran.stdout[: ran.stdout.find("\n") + 1]


@pytest.mark.timeout(300)
def test_a_preview_announces_changes_of_access_in_one_line(
    deployed: Deployment,
) -> None:
    """A renamed role is no change. An opening is a warning. After the deployment there is no
    change."""
    deployed.edit("applications/orders.yaml", "viewer:", "reader:")
    assert "access:" not in _preview(deployed, "--diff").replace(TOKENS, "")
    deployed.edit(
        "applications/orders.yaml",
        "[/orders/health], methods: [GET]",
        "[/orders/health], methods: [GET, POST]",
    )
    output = _preview(deployed)
    assert f"    {LINE}\n" in output
    assert output.index(LINE) < output.index("orders/api-8080-gate update"), (
        "before what changes, and again below it"
    )
    assert output.count(LINE) == 2
    assert _announcement(deployed) == (1, f"{LINE.partition('access: ')[2]}\n")
    assert deployed.run("up").stdout.count(f"    {LINE}\n") == 1
    assert "access:" not in deployed.run("up").stdout
    assert _announcement(deployed) == (0, "")
    assert deployed.output("__model").startswith("1\nstack {")
