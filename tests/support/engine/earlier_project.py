"""The project at the commit before a change, and the changes that a run of today's program makes to its deployment."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Set
from pathlib import Path

import pytest

from sandbox.local import ROOT
from tests.support.engine.deployment import Deployment
from tests.support.json_object import JsonObject

BEFORE = "7b5fe125d4ef97a6f90ccaf33e8e300f34561fd8"
"""The commit that deploys first. A commit that changes deployed resources sets it to its own
parent."""

CHANGES: Set[tuple[str, str]] = {
    ("admission", "update"),
    ("code", "delete"),
    ("gate", "update"),
}
"""The end of a resource's name and the operation on it, for each operation of a run since `BEFORE`."""

CHANGED_OUTPUTS: Set[str] = {"__model", "__revisions", "enforced"}
"""The outputs that have changed since `BEFORE`: the model lists every setting, the revisions are a
new output, and the enforced scripts are new."""

_PARTS = (
    "__main__.py",
    "Pulumi.yaml",
    "kong_oam",
    "components",
    "policies",
    "definitions",
)


def earlier_project(folder: Path) -> Path:
    """Fill `folder` with the project of that commit. Skips the test where the history does not have
    it."""
    archive = subprocess.run(
        ["git", "archive", BEFORE], cwd=ROOT, capture_output=True, timeout=60
    )
    if archive.returncode:
        pytest.skip(
            f"this clone has no commit {BEFORE}: it is shallow, or no clone"
        )
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder


def run_by(deployment: Deployment, project: Path) -> None:
    """Make the program of `project` the stack's program."""
    for name in _PARTS:
        link = deployment.folder / name
        link.unlink(missing_ok=True)
        if (project / name).exists():
            link.symlink_to(project / name)


def assert_only_known_changes(deployment: Deployment, earlier: Path) -> None:
    """Check that a run after `earlier` makes the operations of `CHANGES` and no other, and the next
    run none. Outputs stay."""
    # The earlier program knows no tools.
    (deployment.folder / "applications/desk.yaml").unlink(missing_ok=True)
    run_by(deployment, earlier)
    deployment.run("up")
    before = _outputs(deployment)
    run_by(deployment, ROOT)
    changed = deployment.changes("preview")
    assert {
        (name.rpartition("-")[2], operation)
        for name, operation in changed.items()
    } == CHANGES
    assert deployment.changes("up") == changed
    assert deployment.changes("up") == {}
    assert _outputs(deployment) == before


def _outputs(deployment: Deployment) -> JsonObject:
    """Return the stack's outputs without `CHANGED_OUTPUTS`."""
    printed = deployment.pulumi(
        "stack", "output", "-s", "local", "--json", "--show-secrets"
    ).stdout
    outputs = json.loads(printed)
    return {
        name: value
        for name, value in outputs.items()
        if name not in CHANGED_OUTPUTS
    }
