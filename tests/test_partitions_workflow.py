"""The workflow of an estate in partitions: a matrix of the touched stacks, and runs in order after
a merge. It has not run on GitHub."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.json_object import JsonObject
from tests.support.repository import ROOT

WORKFLOW: dict[Any, Any] = yaml.safe_load(
    (ROOT / ".github/workflows/partitions.yaml").read_text("utf-8")
)
TOUCHED, PREVIEW, UP = (
    WORKFLOW["jobs"][name] for name in ("touched", "preview", "up")
)


def _run(job: JsonObject, name: str) -> str:
    (found,) = (
        step["run"] for step in job["steps"] if step.get("name") == name
    )
    return str(found)


def _list(folder: Path, program: str) -> tuple[int, str]:
    """Return the status and outputs of the listing step, as the host runs it."""
    python = folder / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\necho $* >> asked\n{program}\n")
    python.chmod(0o755)
    environment = {
        **os.environ,
        "ESTATE": "prod",
        "GITHUB_OUTPUT": str(folder / "output"),
    }
    done = subprocess.run(
        ["bash", "-e", "-c", _run(TOUCHED, "list")],
        cwd=folder,
        env=environment,
        timeout=10,
    )
    assert (
        folder / "asked"
    ).read_text() == "-m kong_oam preview --stack prod --list\n"
    return done.returncode, (folder / "output").read_text() if (
        folder / "output"
    ).exists() else ""


@pytest.mark.parametrize(
    "stacks", [[], ["prod-apis"], ["prod", "prod-apis", "prod-rest"]], ids=len
)
def test_the_matrix_is_the_list_of_stacks(
    stacks: list[str], tmp_path: Path
) -> None:
    """The matrix is one line, as the host reads it; an empty list gives no job."""
    status, handed = _list(tmp_path, f"echo '{json.dumps(stacks)}'")
    assert (status, handed) == (0, f"stacks={json.dumps(stacks)}\n")
    assert TOUCHED["outputs"] == {"stacks": "${{ steps.list.outputs.stacks }}"}
    assert PREVIEW["strategy"]["matrix"] == {
        "stack": "${{ fromJSON(needs.touched.outputs.stacks) }}"
    }
    assert (PREVIEW["needs"], PREVIEW["if"]) == (
        "touched",
        "${{ needs.touched.outputs.stacks != '[]' }}",
    )


def test_where_nothing_can_be_listed_the_check_fails(tmp_path: Path) -> None:
    """The job fails without outputs, so that the check does not pass without a preview."""
    assert _list(tmp_path, "exit 2") == (2, "")


def test_previews_are_separate_and_merges_are_deployed_in_order() -> None:
    """A failed preview does not stop the others. Deployment never runs beside the rotation, and is
    never interrupted."""
    assert PREVIEW["env"] == {"STACK": "${{ matrix.stack }}"}
    assert (
        _run(PREVIEW, "preview")
        == 'pulumi preview --stack "$STACK" --policy-pack policies'
    )
    assert PREVIEW["strategy"]["fail-fast"] is False
    assert (
        _run(UP, "up")
        == '.venv/bin/python -m kong_oam up --stack "$ESTATE" --yes --policy-pack policies'
    )
    rotate = yaml.safe_load(
        (ROOT / ".github/workflows/rotate.yaml").read_text("utf-8")
    )
    assert UP["concurrency"] == rotate["concurrency"]
    assert {*WORKFLOW[True]} == {
        "pull_request",
        "push",
    }  # YAML 1.1 reads `on` as a truth value
    assert UP["if"] == "${{ github.event_name == 'push' }}"


def test_a_strangers_change_gets_no_secret_and_nothing_can_push() -> None:
    """The listing job only reads the state."""
    assert "head.repo.full_name == github.repository" in TOUCHED["if"]
    assert WORKFLOW["permissions"] == {}
    for job in WORKFLOW["jobs"].values():
        assert job["permissions"] == {"contents": "read"}
        (checkout,) = (
            step
            for step in job["steps"]
            if step.get("uses", "").startswith("actions/checkout")
        )
        assert checkout["with"] == {"persist-credentials": False}
        assert job["timeout-minutes"]
    secrets = {
        name for step in TOUCHED["steps"] for name in step.get("env", {})
    }
    assert secrets == {"PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE"}
