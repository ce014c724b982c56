"""The scheduled workflow: its changes, their order, and that no run is interrupted. It has not run
on GitHub."""

from __future__ import annotations

import datetime
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from kong_oam.access.settings.stack import read_file
from tests.support.json_object import JsonObject
from tests.support.repository import ROOT

WORKFLOW: dict[Any, Any] = yaml.safe_load(
    (ROOT / ".github/workflows/rotate.yaml").read_text("utf-8")
)
JOB, RECORD = WORKFLOW["jobs"]["rotate"], WORKFLOW["jobs"]["record"]
STACKS = JOB["strategy"]["matrix"]["stack"]


def _run(name: str, job: JsonObject = JOB) -> str:
    (found,) = (
        step["run"] for step in job["steps"] if step.get("name") == name
    )
    return str(found)


def test_every_stack_but_the_sandbox_is_deployed_daily() -> None:
    """Stacks run in turn; a failed stack does not stop the others, and no run is interrupted."""
    there = {
        file.name.split(".")[1]
        for file in (ROOT / "stacks").glob("Pulumi.*.yaml")
    }
    assert set(STACKS) == there - {"local"}
    (schedule,) = WORKFLOW[True][
        "schedule"
    ]  # YAML 1.1 reads `on` as a truth value
    minute, hour, *days = schedule["cron"].split()
    assert minute.isdigit() and hour.isdigit() and days == ["*", "*", "*"]
    assert WORKFLOW["concurrency"] == {
        "group": "rotate",
        "cancel-in-progress": False,
    }
    assert (JOB["strategy"]["fail-fast"], JOB["strategy"]["max-parallel"]) == (
        False,
        1,
    )


def test_installed_packages_cannot_push_and_the_push_has_no_secret() -> None:
    """The deploying job installs only the program's own packages, by their digests; the pushing job
    installs none."""
    assert (WORKFLOW["permissions"], JOB["permissions"]) == (
        {},
        {"contents": "read"},
    )
    (checkout,) = (
        step
        for step in JOB["steps"]
        if step.get("uses", "").startswith("actions/checkout")
    )
    assert checkout["with"]["persist-credentials"] is False
    assert RECORD["permissions"] == {"contents": "write"}
    assert "secrets." not in yaml.safe_dump(RECORD)
    assert {
        step.get("uses", "").partition("@")[0] for step in RECORD["steps"]
    } == {
        "actions/checkout",
        "actions/download-artifact",
        "",
    }
    assert not {"pip", "make", "pulumi", "python"} & set(
        _run("commit", RECORD).split()
    )


def test_the_day_is_committed_only_once_it_is_deployed() -> None:
    """A failed run leaves the repository unchanged, and the next run tries again."""
    names = [
        step.get("name", step.get("uses", "").partition("@")[0])
        for step in JOB["steps"]
    ][3:]
    assert names == ["install", "asOf", "up", "actions/upload-artifact"]
    assert (RECORD["needs"], RECORD["if"]) == ("rotate", "${{ !cancelled() }}")
    assert not any(
        "continue-on-error" in step or "if" in step for step in JOB["steps"]
    )
    assert (
        _run("up")
        == '.venv/bin/python -m kong_oam up --stack "$STACK" --yes --all --policy-pack policies'
    )


@pytest.mark.parametrize("stack", STACKS)
def test_the_day_that_it_sets_is_today(stack: str, tmp_path: Path) -> None:
    """The workflow's own line changes only the day in the stack's own file."""
    shutil.copytree(ROOT / "stacks", tmp_path / "stacks")
    file = tmp_path / f"stacks/Pulumi.{stack}.yaml"
    before = file.read_text("utf-8").splitlines()
    first = datetime.datetime.now(datetime.UTC).date()
    environment = {"STACK": stack, "PATH": "/usr/bin:/bin"}
    subprocess.run(
        ["bash", "-e", "-c", _run("asOf")],
        cwd=tmp_path,
        env=environment,
        check=True,
        timeout=10,
    )
    last = datetime.datetime.now(datetime.UTC).date()
    assert first <= read_file(file).as_of <= last
    after = file.read_text("utf-8").splitlines()
    assert [line for line in after if "asOf" not in line] == [
        line for line in before if "asOf" not in line
    ]
    assert len(after) == len(before)


def test_only_deployed_stacks_are_recorded(tmp_path: Path) -> None:
    """The commit has the days of the deployed stacks, each in its own file, and no other files of
    the job."""
    deployed, failed, *_ = STACKS
    origin, here = tmp_path / "origin", tmp_path / "here"
    git = [
        "git",
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.com",
        "-c",
        "init.defaultBranch=main",
    ]
    subprocess.run(
        [*git, "init", "--quiet", "--bare", origin], check=True, timeout=10
    )
    subprocess.run(
        [*git, "clone", "--quiet", origin, here],
        check=True,
        timeout=10,
        capture_output=True,
    )
    shutil.copytree(ROOT / "stacks", here / "stacks")
    for command in (
        ["add", "."],
        ["commit", "--quiet", "-m", "x"],
        ["push", "--quiet", "origin", "HEAD"],
    ):
        subprocess.run([*git, *command], cwd=here, check=True, timeout=10)
    before = (here / f"stacks/Pulumi.{failed}.yaml").read_text("utf-8")
    left = here / f"deployed/stack-{deployed}"
    left.mkdir(parents=True)
    text = (here / f"stacks/Pulumi.{deployed}.yaml").read_text("utf-8")
    changed = "\n".join(
        '  kong-oam:asOf: "2031-01-02"'
        if line.startswith("  kong-oam:asOf:")
        else line
        for line in text.splitlines()
    )
    (left / f"Pulumi.{deployed}.yaml").write_text(
        f"{changed}\nother: evil\n", "utf-8"
    )
    subprocess.run(
        ["bash", "-e", "-c", _run("commit", RECORD)],
        cwd=here,
        check=True,
        timeout=20,
        capture_output=True,
    )
    shutil.rmtree(here)
    subprocess.run(
        [*git, "clone", "--quiet", origin, here],
        check=True,
        timeout=10,
        capture_output=True,
    )
    assert (here / f"stacks/Pulumi.{deployed}.yaml").read_text(
        "utf-8"
    ) == changed + "\n"
    assert (here / f"stacks/Pulumi.{failed}.yaml").read_text("utf-8") == before
