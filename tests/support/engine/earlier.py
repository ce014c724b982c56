"""The project as it was at an earlier revision, and what a run of today's program changes of what that one deployed."""

from __future__ import annotations

import io
import json
import re
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from kong_oam.access.diff.snapshot import OUTPUT
from kong_oam.engine.state import logical_name
from kong_oam.kong.names import CODE
from sandbox.local import ROOT
from tests.support.engine.deployment import Deployment

BEFORE = "a7ac759a611655266af0034c32859996e84a4127"
"""The last revision whose program lay in oam/, access/, components/ and review/."""
_PARTS = ("__main__.py", "Pulumi.yaml", "oam", "access", "components", "policies", "review", "definitions")


def earlier_project(folder: Path) -> Path:
    """`folder`, filled with the project of that revision. Skips where the history does not reach back to it."""
    archive = subprocess.run(["git", "archive", BEFORE], cwd=ROOT, capture_output=True, timeout=60)
    if archive.returncode:
        pytest.skip(f"this clone has no revision {BEFORE[:7]}: it is shallow, or no clone")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder


def run_by(deployment: Deployment, project: Path) -> None:
    """From now on the stack's program is that of `project`."""
    for name in _PARTS:
        link = deployment.folder / name
        link.unlink(missing_ok=True)
        if (project / name).exists():
            link.symlink_to(project / name)


def assert_only_scripts_change(deployment: Deployment, earlier: Path) -> None:
    """Of what `earlier` deploys, a run updates the scripts of admission and gate, and makes the plugin that has the code of
    all ports, and nothing else; the next one, nothing. Objects of the cluster get a label, and are updated.

    Of the outputs, the two tables become texts of the same lines, and the model has another name, and other digests of
    workloads. What is enforced is told anew. All others stay.
    """
    run_by(deployment, earlier)
    deployment.run("up")
    before = _outputs(deployment)
    run_by(deployment, ROOT)
    all_changes = deployment.changes("preview")
    objects = {logical_name(one["urn"]) for one in deployment.state() if one["type"].startswith("kubernetes:")}
    changed = {name: operation for name, operation in all_changes.items() if name not in objects}
    assert {all_changes[name] for name in all_changes.keys() - changed.keys()} == {"update"}
    assert changed.get(CODE) == "create" and {changed[name] for name in changed.keys() - {CODE}} == {"update"}
    assert {name.rpartition("-")[2] for name in changed} == {"admission", "gate", "code"}
    said = deployment.pulumi("preview", "-s", "local").stdout
    outputs = [name for name in re.findall(r"^  [-+~] (\w+)", said, re.MULTILINE) if name != "enforced"]
    assert outputs == ["access", "access", "grants", "grants", "model"]
    assert deployment.changes("up") == all_changes
    assert deployment.changes("up") == {}
    after = _outputs(deployment)
    assert _without_workloads(after.pop(OUTPUT)) == _without_workloads(before.pop("model"))
    for table in ("access", "grants"):
        lines = [f"{name}  {value}" for name, value in before.pop(table).items()]
        assert sorted(after.pop(table).splitlines()[1:]) == sorted(lines)
    assert {**after, "enforced": ""} == {**before, "enforced": ""}


def _without_workloads(model: str) -> str:
    text, found = re.subn('"workload":"[0-9a-f]{32}"', "", model)
    assert found
    return text


def _outputs(deployment: Deployment) -> dict[str, Any]:
    outputs = deployment.pulumi("stack", "output", "-s", "local", "--json", "--show-secrets").stdout
    return dict(json.loads(outputs))
