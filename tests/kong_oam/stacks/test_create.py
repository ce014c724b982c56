"""The creation of an estate's stacks, with a stand-in for the engine's CLI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from kong_oam.access.settings.stack import parse
from kong_oam.engine.cli import PulumiCliError
from kong_oam.stacks import create
from tests.support.json_object import JsonObject
from tests.support.small_stacks import SETTINGS

BASE = {
    "kong-oam:asOf": "2026-01-01",
    "kong:kongAdminUri": "https://kong.example.com",
    "kong:kongAdminToken": {"secure": "v1:a"},
    "aws:endpoints": [
        {"sts": "https://sts.example.com", "key": {"secure": "v1:b"}}
    ],
}
PLAIN = {
    "kong-oam:estate": "prod",
    "kong:kongAdminUri": "https://kong.example.com",
}


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands to the CLI, in a project with a base that is configured for plugins."""
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks/Pulumi.prod.yaml").write_text(
        yaml.safe_dump({"config": BASE}), "utf-8"
    )
    monkeypatch.chdir(tmp_path)
    words: list[str] = []
    monkeypatch.setattr(
        create,
        "pulumi",
        lambda *arguments, **_: words.append(" ".join(arguments)),
    )
    return words


def make() -> JsonObject:
    """Create the stack `prod-apis`. Return the contents of its file."""
    create.create(parse("prod", SETTINGS), "prod-apis")
    return config()


def config() -> JsonObject:
    found: JsonObject = yaml.safe_load(
        Path("stacks/Pulumi.prod-apis.yaml").read_text("utf-8")
    )["config"]
    return found


COPIED = [
    f"config cp {key} --dest prod-apis"
    for key in ("aws:endpoints", "kong:kongAdminToken")
]


def test_a_stack_without_a_file_is_configured_as_the_base_is(
    commands: list[str],
) -> None:
    assert make() == PLAIN
    assert commands == [
        "stack init prod-apis --no-select",
        *COPIED,
        "stack tag set kong-oam:stack prod-apis",
    ]


def test_an_interrupted_creation_leaves_a_file_with_the_same_products(
    commands: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the stack is missing, the next command also writes the secrets."""
    with monkeypatch.context() as patch, pytest.raises(PulumiCliError):
        patch.setattr(create, "pulumi", failing)
        make()
    assert config() == PLAIN
    make()
    assert [
        command for command in commands if command.startswith("config")
    ] == COPIED


def failing(*_: str, **__: Any) -> None:
    raise PulumiCliError("cut off")


def test_a_file_that_says_something_else_is_left_as_it_is(
    commands: list[str],
) -> None:
    configured = {
        "kong-oam:estate": "prod",
        "kong:kongAdminUri": "https://other.example.com",
    }
    Path("stacks/Pulumi.prod-apis.yaml").write_text(
        yaml.safe_dump({"config": configured}), "utf-8"
    )
    assert make() == configured
    assert not [command for command in commands if command.startswith("config")]
