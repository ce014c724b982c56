"""Applications in folders of other repositories: the stack names them, and nothing of the program is edited."""

from __future__ import annotations

import pytest

from sandbox.local import STACK
from tests.support.engine.deployment import (
    Deployment,
    Empty,
    remove_applications,
)
from tests.support.engine.inventory import entities
from tests.support.faults.tiny import TINY


def _named(deployment: Deployment, *names: str) -> None:
    with deployment.config() as config:
        config["kong-oam:applications"] = [*names]


@pytest.mark.deep
def test_a_team_s_applications_are_deployed_from_its_own_repository(
    empty: Empty, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Found by a pattern, with the policy pack. Without the repository a run stops and changes
    nothing."""
    teams = tmp_path_factory.mktemp("teams")
    oam = teams / "tiny" / "oam"
    oam.mkdir(parents=True)
    (oam / "tiny.yaml").write_text(TINY, "utf-8")
    deployment = empty("stacks")
    remove_applications(deployment.folder)
    _named(deployment, f"{teams}/*/oam")
    deployment.run("up", "--policy-pack", "policies")
    assert [*deployment.output("upstreams")] == [
        f"kong-oam.{STACK}.tiny.api.8080"
    ]
    deployment.assert_unchanged("preview")
    deployed = entities(deployment.local)
    oam.rename(teams / "away")
    stopped = deployment.run("up", check=False)
    assert stopped.returncode != 0
    assert (
        f"{teams}/*/oam:1:1: error OAM101: cannot be read: no YAML file matches this pattern"
        in " ".join(stopped.stdout.split())
    )
    assert entities(deployment.local) == deployed
    (teams / "away").rename(oam)
    deployment.assert_unchanged("preview")
