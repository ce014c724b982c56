"""Commands reject a project whose engine reads settings from other files."""

from __future__ import annotations

from pathlib import Path

import pytest

from kong_oam.access.settings.stack import read_file
from kong_oam.access.settings.values import StackError
from tests.support.projects import STACK

FILE = Path("stacks/Pulumi.local.yaml")


@pytest.fixture(autouse=True)
def in_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    FILE.parent.mkdir()
    FILE.write_text(STACK, "utf-8")


@pytest.mark.parametrize(
    ("project", "why"),
    [
        (
            "stackConfigDir: conf",
            "makes the engine read other files than stacks/",
        ),
        ("runtime: python", "makes the engine read other files than stacks/"),
        (
            "stackConfigDir: stacks\nconfig: conf",
            "makes the engine read other files than stacks/",
        ),
        (
            "stackConfigDir: stacks\nconfig: {kong-oam:applications: {value: [other]}}",
            "sets kong-oam:applications in",
        ),
        (
            "stackConfigDir: stacks\nconfig: {applications: {default: [other]}}",
            "sets applications in its config",
        ),
        ("- no project", "cannot be read: it is not a mapping"),
        ("a: [", "cannot be read: while parsing"),
    ],
)
def test_settings_that_only_the_engine_reads_are_refused(
    project: str, why: str
) -> None:
    Path("Pulumi.yaml").write_text(
        f"name: kong-oam\n{project}\n" if project[0] != "-" else project,
        "utf-8",
    )
    with pytest.raises(
        StackError, match=r"stack 'local': Pulumi\.yaml"
    ) as refused:
        read_file(FILE)
    assert why in str(refused.value)


@pytest.mark.parametrize(
    "project",
    [
        "name: kong-oam\nstackConfigDir: ./stacks/",
        "name: kong-oam\nstackConfigDir: stacks\nconfig: {kong:adminUri: {value: 'https://kong'}}",
        "name: mine\nstackConfigDir: stacks\nconfig: {applications: {default: [of mine]}}",
    ],
)
def test_what_the_project_says_of_others_does_not_matter(project: str) -> None:
    Path("Pulumi.yaml").write_text(project, "utf-8")
    assert read_file(FILE).cloud == "aws"
