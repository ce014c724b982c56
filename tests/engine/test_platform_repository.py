"""From an empty folder to a deployed API: two repositories of `init`, a team's and a platform's, and the wheel alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from sandbox.local import STACK, Local
from tests.support.engine.calls import call
from tests.support.engine.deployment import AT_ONCE, start
from tests.support.new_component import NEW
from tests.support.wheel import environment, install


@pytest.mark.deep
def test_two_repositories_of_init_deploy_with_installed_packages(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The team's repository has only Applications, the platform's no line of the program; the stack
    has the settings."""
    (tmp_path / "built").mkdir()
    installed = install(tmp_path_factory.mktemp("source"), tmp_path / "built")
    team, platform = tmp_path / "billing", tmp_path / "platform"
    python = environment(tmp_path / "venv", installed)

    def kong_oam(folder: Path, *arguments: str) -> str:
        command = [python, "-m", "kong_oam", *arguments]
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    kong_oam(tmp_path, "init", "billing")
    kong_oam(team, *NEW)
    kong_oam(team, "check")
    kong_oam(team, "graph", "-o", "access.svg")
    kong_oam(team, "matrix", "-o", "access.html")
    assert "billing/invoices" in (team / "access.svg").read_text("utf-8")
    assert "billing/invoices" in (team / "access.html").read_text("utf-8")
    kong_oam(tmp_path, "init", "--platform", "platform", "--stack", STACK)
    environment(platform / ".venv", installed)
    file = platform / f"stacks/Pulumi.{STACK}.yaml"
    settings = yaml.safe_load(file.read_text("utf-8"))
    settings["config"] |= {
        "kong-oam:cloud": "local",
        "kong-oam:applications": ["../*/applications/*.yaml"],
    }
    settings["config"]["kong-oam:gateway"] |= {"scheme": "http"}
    del settings["config"]["kong-oam:gateway"][
        "adminUrl"
    ]  # the sandbox names its Kong
    file.write_text(yaml.safe_dump(settings), "utf-8")
    assert "1 application(s)" in kong_oam(platform, "check", "--stack", STACK)
    with Local(lags=AT_ONCE) as local:
        deployment = start(local, platform)
        deployment.run("up", "--policy-pack", "policies")
        deployment.assert_unchanged("preview")
        assert call(local, "GET", "billing.example.com", "/").status == 401
