"""The sample estate as several stacks, and the literal `pulumi` CLI on each of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import yaml

from sandbox.local import STACK
from tests.support.engine.deployment import Deployment, named, operations


def partition(folder: Path, partitions: Mapping[str, Sequence[str]]) -> None:
    """Write the stacks' files: the base's file assigns namespaces, the partitions' files name the
    estate."""
    file = folder / "stacks" / f"Pulumi.{STACK}.yaml"
    settings = yaml.safe_load(file.read_text("utf-8"))
    settings["config"]["kong-oam:partitions"] = {
        name: [*namespaces] for name, namespaces in partitions.items()
    }
    file.unlink()  # it may be a link into the repository
    file.write_text(yaml.safe_dump(settings, sort_keys=False), "utf-8")
    for name in partitions:
        text = yaml.safe_dump(
            {
                "config": {"kong-oam:estate": STACK},
                "encryptionsalt": settings["encryptionsalt"],
            }
        )
        (folder / "stacks" / f"Pulumi.{STACK}-{name}.yaml").write_text(
            text, "utf-8"
        )


def position(folder: Path, namespaces: Mapping[str, str]) -> None:
    """Put Applications of the sample into these namespaces, each by its name."""
    for application, namespace in namespaces.items():
        file = folder / "applications" / f"{application}.yaml"
        text = file.read_text("utf-8")
        assert text.count(f"  name: {application}\n") == 1
        file.write_text(
            text.replace(
                f"  name: {application}\n",
                f"  name: {application}\n  namespace: {namespace}\n",
            )
        )


def kong_oam(
    deployment: Deployment, *arguments: str, status: int | None = None
) -> CompletedProcess[str]:
    """Run a verb of the command line in the project's folder. Raises AssertionError at any other
    exit status."""
    done = subprocess.run(
        [sys.executable, "-m", "kong_oam", *arguments],
        cwd=deployment.folder,
        env=deployment.local.env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert status in (None, done.returncode), done.stdout + done.stderr
    return done


def stack_of(name: str | None) -> str:
    """Return the stack of a partition; None: the base's."""
    return STACK if name is None else f"{STACK}-{name}"


def run(
    deployment: Deployment,
    verb: str,
    name: str | None,
    *arguments: str,
    check: bool = True,
) -> CompletedProcess[str]:
    """Run `up`, `refresh` or `destroy` of the stack of a partition, or of the base."""
    return deployment.pulumi(
        verb,
        "-s",
        stack_of(name),
        "--yes",
        "--skip-preview",
        *arguments,
        check=check,
    )


def changes(
    deployment: Deployment, verb: str, name: str | None
) -> dict[str, str]:
    """Return the changes of `verb`: {resource's logical name: operation}; for preview, the planned
    changes."""
    if verb == "preview":
        printed = deployment.pulumi(
            "preview", "-s", stack_of(name), "--json"
        ).stdout
        return named(
            {step["urn"]: step["op"] for step in json.loads(printed)["steps"]}
        )
    return named(operations(run(deployment, verb, name, "--json").stdout))


def output(deployment: Deployment, name: str | None, output_name: str) -> Any:
    """Return one of the outputs of a stack."""
    return json.loads(
        deployment.pulumi(
            "stack", "output", "-s", stack_of(name), "--json", output_name
        ).stdout
    )
