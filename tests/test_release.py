"""The steps of a release: its tag, its notes, and its workflow, which has not run on GitHub."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path
from typing import Any

import pytest
import yaml

import kong_oam
from sandbox.wheel import TAGS
from tests.support.projects import copy_sample, git
from tests.support.repository import ROOT
from tests.support.wheel import release

WORKFLOW: dict[Any, Any] = yaml.safe_load(
    (ROOT / ".github/workflows/release.yaml").read_text("utf-8")
)
JOBS = WORKFLOW["jobs"]
ENTRY = "### Added\n\n- A thing.\n"
CHANGELOG = f"# Changelog\n\n## [Unreleased]\n\n- More.\n\n## [1.2.0] - 2027-02-03\n\n{ENTRY}\n## [1.1.0] - 2027-01-01\n\n- Old.\n"


def step(job: str, name: str) -> str:
    """Return the lines of a job's step."""
    (found,) = (
        step["run"] for step in JOBS[job]["steps"] if step.get("name") == name
    )
    return str(found)


def actions(job: str) -> list[str]:
    return [
        step["uses"].partition("@")[0]
        for step in JOBS[job]["steps"]
        if "uses" in step
    ]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of version 1.2.0 with a changelog entry, and the script that checks tags."""
    monkeypatch.chdir(tmp_path)
    for name in (".ci", "kong_oam"):
        (tmp_path / name).mkdir()
    shutil.copy(ROOT / ".ci/release.py", tmp_path / ".ci")
    (tmp_path / "kong_oam/__init__.py").write_text(
        '__version__ = "1.2.0"\n', "utf-8"
    )
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG, "utf-8")
    return tmp_path


def judged(*arguments: str) -> tuple[int, str, str]:
    """Return exit status, output and errors of the script."""
    command = [sys.executable, ".ci/release.py", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    return done.returncode, done.stdout, done.stderr


def test_the_notes_are_the_entry_of_the_version(project: Path) -> None:
    """The notes have neither the heading nor text of other entries."""
    assert judged("v1.2.0") == (0, ENTRY, "")


@pytest.mark.parametrize(
    ("tag", "old", "new", "message"),
    [
        (
            "v1.3.0",
            "",
            "",
            "the tag is v1.3.0, and the version in kong_oam/__init__.py is 1.2.0: use the tag v1.2.0",
        ),
        ("1.2.0", "", "", "use the tag v1.2.0"),
        (
            "v1.2.0",
            "## [1.2.0] - 2027-02-03",
            "## [1.2.0]",
            "has no entry for 1.2.0: add '## [1.2.0] - YYYY-MM-DD'",
        ),
        ("v1.2.0", "## [1.2.0]", "## [1.2.01]", "has no entry for 1.2.0"),
        ("v1.2.0", "2027-02-03", "2027-02-30", "day is out of range"),
        ("v1.2.0", ENTRY, "", "the entry for 1.2.0 in CHANGELOG.md is empty"),
    ],
)
def test_another_tag_and_an_entry_that_is_missing_are_no_release(
    project: Path, tag: str, old: str, new: str, message: str
) -> None:
    """The error is a single line with the remedy."""
    (project / "CHANGELOG.md").write_text(
        CHANGELOG.replace(old, new) if old else CHANGELOG, "utf-8"
    )
    status, out, err = judged(tag)
    assert (status, out, len(err.splitlines())) == (1, "", 1)
    assert message in err


def test_no_tag_is_wrong_usage(project: Path) -> None:
    assert judged() == (2, "", "usage: python .ci/release.py TAG\n")


def test_the_changelog_is_of_the_version_that_the_code_says() -> None:
    """The changelog has unreleased changes; if it has an entry of this version, the script finds
    it."""
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    titles = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert titles[0] == "[Unreleased]"
    assert [
        title
        for title in titles[1:]
        if not re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", title)
    ] == []
    groups = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= groups


def test_a_tag_is_of_the_default_branch_and_of_its_version(
    project: Path,
) -> None:
    """The workflow's own lines reject any other tag, as the host runs them, and leave no notes to
    publish."""
    git("init", "--quiet", "--initial-branch", "trunk")
    git("add", ".")
    git("commit", "--quiet", "--message", "1.2.0")
    git("update-ref", "refs/remotes/origin/trunk", "HEAD")

    def run(tag: str) -> int:
        environment = {
            **os.environ,
            "GITHUB_REF_NAME": tag,
            "DEFAULT_BRANCH": "trunk",
        }
        command = ["bash", "-e", "-c", step("build", "tag")]
        return subprocess.run(
            command, env=environment, capture_output=True, timeout=20
        ).returncode

    shutil.rmtree("build", ignore_errors=True)
    assert run("v1.2.0") == 0
    assert Path("build/notes.md").read_text("utf-8") == ENTRY
    assert run("v1.3.0") != 0
    git("commit", "--quiet", "--allow-empty", "--message", "not reviewed")
    assert run("v1.2.0") != 0


def test_a_release_names_its_repository(project: Path) -> None:
    """`init` finds the pages by the second address."""
    shutil.copy(ROOT / "pyproject.toml", project)
    environment = {
        "GITHUB_SERVER_URL": "https://git.test",
        "GITHUB_REPOSITORY": "acme/oam",
        "GITHUB_REF_NAME": "v1.2.0",
    }
    command = ["bash", "-e", "-c", step("build", "addresses")]
    subprocess.run(command, env=environment, check=True)
    metadata = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))
    assert metadata["project"]["urls"] == {
        "Homepage": "https://git.test/acme/oam",
        "Documentation": "https://git.test/acme/oam/blob/v1.2.0/docs/index.md",
    }


def test_the_job_that_writes_runs_no_built_code() -> None:
    """Only the release job may write. Only it and a requested index get files. Each waits for the
    test of the wheel."""
    assert WORKFLOW[True] == {"push": {"tags": ["v*"]}}, (
        "`on`, which YAML reads as a truth value"
    )
    assert WORKFLOW["permissions"] == {}
    permissions = {name: job["permissions"] for name, job in JOBS.items()}
    reads = {"contents": "read"}
    assert permissions == {
        "build": reads,
        "try": reads,
        "publish": {"contents": "write"},
        "index": {"id-token": "write"},
    }
    assert actions("publish") == ["actions/download-artifact"]
    assert actions("index") == [
        "actions/download-artifact",
        "pypa/gh-action-pypi-publish",
    ]
    assert [step.get("name") for step in JOBS["publish"]["steps"]] == [
        None,
        "release",
    ]
    assert (
        JOBS["try"]["needs"],
        JOBS["publish"]["needs"],
        JOBS["index"]["needs"],
    ) == (
        "build",
        "try",
        "publish",
    )
    assert JOBS["index"]["if"] == "${{ vars.PUBLISH_TO_INDEX == 'true' }}"
    assert re.findall(r"secrets\.(\w+)", yaml.safe_dump(WORKFLOW)) == [
        "GITHUB_TOKEN"
    ]


@pytest.mark.deep
def test_the_files_of_a_release_are_those_that_are_built(
    tmp_path: Path,
) -> None:
    """`make dist` builds them; one artifact with the root `build` carries them to the next job."""
    (upload,) = (
        step["with"]
        for step in JOBS["build"]["steps"]
        if "upload-artifact" in step.get("uses", "")
    )
    assert upload["path"].split() == ["build/notes.md", "build/dist/"]
    (made,) = (
        step["run"]
        for step in JOBS["build"]["steps"]
        if step.get("run", "").startswith("make dist")
    )
    assert {*made.partition("=")[2].strip('"').split()} == {*TAGS}
    assert {"dist/*", "--verify-tag", "notes.md"} <= set(
        step("publish", "release").split()
    )


@pytest.mark.deep
def test_the_wheel_is_tried_as_the_workflow_does(tmp_path: Path) -> None:
    """The workflow's own lines run with the packages that are installed here in place of an index."""
    released = release(tmp_path / "source")
    empty = tmp_path / "empty"
    venv.create(empty, symlinks=True)
    packages = Path(
        sysconfig.get_path(
            "purelib", vars={"base": str(empty), "platbase": str(empty)}
        )
    )
    (packages / "needed.pth").write_text(
        sysconfig.get_path("purelib") + "\n", "utf-8"
    )
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        empty / "bin/python",
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
    ]
    subprocess.run([*pip, *released.glob("*.whl")], check=True, timeout=60)
    copy_sample(tmp_path / "work")

    (settings,) = (
        step["env"]
        for step in JOBS["try"]["steps"]
        if step.get("name") == "use"
    )
    assert "built_in_definitions(evaluator.ask)" in settings["EVALUATE"]

    def use(tag: str, **more: str) -> int:
        environment = {
            "PATH": "/usr/bin:/bin",
            "RUNNER_TEMP": str(tmp_path),
            "GITHUB_REF_NAME": tag,
            **settings,
            **more,
        }
        command = ["bash", "-e", "-c", step("try", "use")]
        done = subprocess.run(
            command,
            cwd=tmp_path / "work",
            env=environment,
            capture_output=True,
            timeout=60,
        )
        return done.returncode

    assert use(f"v{kong_oam.__version__}") == 0
    assert use("v0.0.1") != 0
    assert use(f"v{kong_oam.__version__}", EVALUATE="assert False") != 0


def test_a_change_is_tested_by_a_public_script() -> None:
    """The job has the history for touched tests, no secret, and more time than the script's limit."""
    workflow = yaml.safe_load(
        (ROOT / ".github/workflows/test.yaml").read_text("utf-8")
    )
    assert {"pull_request", "push"} == set(workflow[True])
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    assert job["timeout-minutes"] > 25
    assert job["steps"][0]["with"] == {
        "fetch-depth": 0,
        "persist-credentials": False,
    }
    assert job["steps"][-1]["run"] == ".ci/run"
    assert (
        "BASE:-" in (ROOT / ".ci/run").read_text("utf-8")
        and "BASE" in job["steps"][-1]["env"]
    )
    assert "secrets." not in yaml.safe_dump(workflow)
