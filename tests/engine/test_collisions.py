"""A second stack in the same Kong and cluster: its preview names all that collides, before anything is made."""

from __future__ import annotations

import shutil

from sandbox.local import STACK
from tests.support.documentation import page
from tests.support.engine.deployment import Deployment
from tests.support.engine.inventory import entities

SECOND = "second"


def test_a_second_stack_of_the_same_applications_is_refused_at_once(
    deployed: Deployment,
) -> None:
    """Every host and path, and every component's objects in the cluster, each with the stack that has it. The page shows
    lines of it."""
    stacks = deployed.folder / "stacks"
    shutil.copy(
        stacks / f"Pulumi.{STACK}.yaml", stacks / f"Pulumi.{SECOND}.yaml"
    )
    deployed.pulumi("stack", "init", SECOND)
    before = entities(deployed.local)
    failed = deployed.pulumi("preview", "-s", SECOND, check=False)
    output = [
        line.strip()
        for line in failed.stdout.splitlines()
        if "error ENV42" in line
    ]
    assert failed.returncode != 0 and entities(deployed.local) == before
    assert [
        sum(code in line for line in output) for code in ("ENV420", "ENV421")
    ] == [
        8,
        9,
    ]
    assert all(f"stack '{STACK}'" in line for line in output)
    shown = [
        line.strip()
        for line in page("how-to/deploy.md").splitlines()
        if "error ENV42" in line
    ]
    assert len(shown) == 2 and {*shown} <= {*output}
