"""The hook for https://pre-commit.com: its command and its trigger. A run of pre-commit itself is
tried by hand."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from kong_oam.cli.init import STARTERS
from tests.support.json_object import JsonObject
from tests.support.projects import copy_sample
from tests.support.repository import ROOT


@pytest.fixture
def hook() -> JsonObject:
    (hook,) = yaml.safe_load(
        (ROOT / ".pre-commit-hooks.yaml").read_text("utf-8")
    )
    assert hook["id"] == "kong-oam-check"
    assert hook["id"] in (
        ROOT / "docs/how-to/check-while-you-type.md"
    ).read_text("utf-8")
    assert (hook["language"], hook["pass_filenames"]) == ("python", False)
    return dict(hook)


def test_a_commit_with_a_typo_is_rejected(
    hook: JsonObject, tmp_path: Path
) -> None:
    """By the hook's command in the repository, with this package installed."""
    copy_sample(tmp_path)
    command, *arguments = shlex.split(hook["entry"])
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))[
        "project"
    ]["scripts"]
    assert scripts[command] == "kong_oam.__main__:main"

    def run() -> tuple[int, str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        called = [sys.executable, "-m", "kong_oam", *arguments]
        completed = subprocess.run(
            called,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return completed.returncode, completed.stdout

    assert run()[0] == 0
    orders = tmp_path / "applications" / "orders.yaml"
    orders.write_text(
        orders.read_text("utf-8").replace("type: gateway ", "type: gatway "),
        "utf-8",
    )
    status, output = run()
    assert (status, output.partition("; did")[0]) == (
        1,
        "applications/orders.yaml:13:17: error OAM104: unknown trait type 'gatway'",
    )


def test_it_runs_on_every_commit(hook: JsonObject) -> None:
    """For any staged file, because groups, a stack or its folders can make an Application invalid.
    Also in a repository of `init`."""
    text = (STARTERS / "team/dot_pre-commit-config.yaml.template").read_text(
        "utf-8"
    )
    (written,) = yaml.safe_load(text)["repos"][0]["hooks"]
    for definition in (hook, written):
        assert (
            definition["always_run"] is True
            and definition["pass_filenames"] is False
        )
        assert not {"files", "exclude", "types", "types_or", "stages"} & set(
            definition
        )
