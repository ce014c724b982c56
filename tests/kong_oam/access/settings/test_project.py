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


@pytest.mark.parametrize(
    ("written", "instead", "message"),
    [
        (
            '"2026-11-25"',
            "2026-11-25",
            ' cannot be read: a date needs quotes; write "2026-11-25" in line 4, column 18',
        ),
        (
            "[{name: okta",
            "[{name: okta]",
            " cannot be read: while parsing a flow mapping in line 7, column 32 did not find expected",
        ),
        (
            "kong-oam:domains",
            "kong_oam:domains",
            ": no command reads kong_oam:domains; did you mean the prefix kong-oam:?",
        ),
        (
            "kong-oam:",
            "KongOAM:",
            ": no command reads KongOAM:cloud, KongOAM:asOf, KongOAM:domains, KongOAM:gateway, "
            "KongOAM:identityProviders; did you mean the prefix kong-oam:?",
        ),
        (
            "kong-oam:asOf",
            "asOf",
            ": no command reads asOf; did you mean the prefix kong-oam:?",
        ),
    ],
)
def test_a_setting_that_no_command_can_read_is_refused(
    written: str, instead: str, message: str
) -> None:
    FILE.write_text(STACK.replace(written, instead), "utf-8")
    with pytest.raises(StackError) as refused:
        read_file(FILE)
    assert str(refused.value).startswith(f"stack 'local': {FILE}{message}")


def test_settings_of_other_programs_may_have_any_name() -> None:
    """Plugins and the project itself have settings in this file, too."""
    others = "  kong:adminUri: https://kong\n  mine:asOf: x\n  replicas: 2\n"
    FILE.write_text(STACK + others, "utf-8")
    assert read_file(FILE).cloud == "aws"
