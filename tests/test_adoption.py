"""Check files for adopters of the repository: reviewers, hooks, and a development container."""

from __future__ import annotations

import json
import re
import tomllib

import yaml
from packaging.specifiers import SpecifierSet

from kong_oam.oam.application import read_files
from tests.support.documentation import block, page
from tests.support.repository import ROOT


def _owners(sample: str) -> dict[str, str]:
    """Return the owners by file or folder, from the lines of a CODEOWNERS."""
    return dict(
        line.split() for line in sample.splitlines() if not line.startswith("#")
    )


def test_the_sample_of_code_owners_names_the_owners_of_the_sample_applications() -> (
    None
):
    """The file has a line per Application file, with its team as `owner`; the first line covers the
    rest."""
    owners = _owners(block(page("how-to/own-applications.md"), "text"))
    named = {
        f"/applications/{file.name}": set(
            re.findall(r"\bowner: ([\w-]+)", file.read_text("utf-8"))
        )
        for file in (ROOT / "applications").iterdir()
    }
    assert len(named) == len(read_files([ROOT / "applications"]).applications)
    assert [*owners] == ["*", *sorted(named)]
    assert {
        file: {team.removeprefix("@acme/")}
        for file, team in owners.items()
        if file != "*"
    } == named


def test_a_commit_is_checked_as_make_check_does() -> None:
    """The hooks run the same commands, on the files of the commit where a command takes files,
    and fix what they can."""
    (checks,) = re.findall(
        r"for check in (.+); do", (ROOT / "Makefile").read_text("utf-8")
    )
    (repository,) = yaml.safe_load(
        (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
    )["repos"]
    entries = [
        hook["entry"].removeprefix(".venv/bin/") for hook in repository["hooks"]
    ]
    commands = [
        check.removesuffix(" .").removesuffix(" --check")
        for check in re.findall(r'"([^"]+)"', checks)
    ]
    assert entries == commands
    takes_files = [
        hook["entry"]
        for hook in repository["hooks"]
        if hook.get("pass_filenames", True)
    ]
    assert takes_files == [".venv/bin/ruff format", ".venv/bin/ruff check"]


def test_the_container_has_a_python_that_the_project_takes() -> None:
    """The container's setup is the project's own."""
    container = json.loads(
        (ROOT / ".devcontainer/devcontainer.json").read_text("utf-8")
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))[
        "project"
    ]
    image, _, version = container["image"].partition(":")
    assert image == "python" and version in SpecifierSet(
        project["requires-python"]
    )
    assert container["postCreateCommand"] == "make setup"
    assert (
        container["customizations"]["vscode"]["settings"][
            "python.defaultInterpreterPath"
        ]
        == ".venv/bin/python"
    )
