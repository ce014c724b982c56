"""Secrets that clients share with their provider: the preview's lines about them, and the command
that replaces a secret."""

from __future__ import annotations

import re
import subprocess

from sandbox import caller
from sandbox.local import STACK
from tests.support.engine.calls import call
from tests.support.engine.deployment import Deployment

DUE = re.compile(
    r"warning: credentials: (\S+) at (\w+): the shared secret is due since ([\d-]+)\. .*: (pulumi up .*)"
)
"""The client, its provider, the day, and the command."""


def preview_text(deployment: Deployment) -> str:
    """Return a preview's text."""
    return deployment.pulumi("preview", "-s", STACK).stdout


def orders(deployment: Deployment, settings: dict[str, str]) -> int:
    """Return the API's answer to a pod of `checkout` with these settings."""
    return call(
        deployment.local,
        "GET",
        "orders.example.com",
        "/orders",
        caller.token(settings)[0],
    ).status


def replace_secret(deployment: Deployment, shown: str) -> None:
    """Run the command that a preview shows for `checkout`, in a shell, without its question."""
    (command,) = {
        found[4] for found in DUE.finditer(shown) if found[1] == "shop/checkout"
    }
    deployment_env, folder = deployment.local.env, deployment.folder
    done = subprocess.run(
        ["bash", "-c", f"{command} --yes"],
        cwd=folder,
        env=deployment_env,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stdout + done.stderr
