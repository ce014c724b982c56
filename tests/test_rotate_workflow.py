"""The scheduled workflow: what it sets, in which order, and that it is never cut off. It has not run on GitHub."""

from __future__ import annotations

import datetime
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from access.stack import read_file

ROOT = Path(__file__).resolve().parents[1]
WORKFLOW: dict[Any, Any] = yaml.safe_load((ROOT / ".github/workflows/rotate.yaml").read_text("utf-8"))
JOB = WORKFLOW["jobs"]["rotate"]
STACKS = JOB["strategy"]["matrix"]["stack"]


def _run(name: str) -> str:
    (found,) = (step["run"] for step in JOB["steps"] if step.get("name") == name)
    return str(found)


def test_every_stack_but_the_sandbox_is_deployed_daily() -> None:
    """One after the other; one that fails does not stop the rest, and none is interrupted."""
    there = {file.name.split(".")[1] for file in (ROOT / "stacks").glob("Pulumi.*.yaml")}
    assert set(STACKS) == there - {"local"}
    (schedule,) = WORKFLOW[True]["schedule"]  # YAML 1.1 reads `on` as a truth value
    minute, hour, *days = schedule["cron"].split()
    assert minute.isdigit() and hour.isdigit() and days == ["*", "*", "*"]
    assert WORKFLOW["concurrency"] == {"group": "rotate", "cancel-in-progress": False}
    assert (JOB["strategy"]["fail-fast"], JOB["strategy"]["max-parallel"]) == (False, 1)
    assert WORKFLOW["permissions"] == {"contents": "write"}


def test_the_day_is_committed_only_once_it_is_deployed() -> None:
    """A run that failed leaves the repository as it is, and the next one tries again."""
    names = [step.get("name") for step in JOB["steps"] if step.get("name")]
    assert names == ["asOf", "up", "commit"]
    assert not any("continue-on-error" in step or "if" in step for step in JOB["steps"])
    assert _run("up") == 'pulumi up --stack "$STACK" --yes --policy-pack policies'


@pytest.mark.parametrize("stack", STACKS)
def test_the_day_that_it_sets_is_today(stack: str, tmp_path: Path) -> None:
    """By the workflow's own line, on the stack's own file; nothing else of it changes."""
    shutil.copytree(ROOT / "stacks", tmp_path / "stacks")
    file = tmp_path / f"stacks/Pulumi.{stack}.yaml"
    before = file.read_text("utf-8").splitlines()
    first = datetime.datetime.now(datetime.UTC).date()
    environment = {"STACK": stack, "PATH": "/usr/bin:/bin"}
    subprocess.run(["bash", "-e", "-c", _run("asOf")], cwd=tmp_path, env=environment, check=True, timeout=10)
    last = datetime.datetime.now(datetime.UTC).date()
    assert first <= read_file(file).as_of <= last
    after = file.read_text("utf-8").splitlines()
    assert [one for one in after if "asOf" not in one] == [one for one in before if "asOf" not in one]
    assert len(after) == len(before)
