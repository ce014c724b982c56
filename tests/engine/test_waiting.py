"""A waiting run names the reason: in CI nobody watches the terminal."""

from __future__ import annotations

import pytest

from tests.support.documentation import page
from tests.support.engine.deployment import Deployment, Empty
from tests.support.faults.tiny import TINY

API = (
    "waiting: Deployment 'default/api' has pods of this version that are not ready; after ten minutes the run gives up. "
    "See kubectl --namespace=default get pods --selector=app.oam.dev/component=api"
)


@pytest.fixture
def deployment(empty: Empty) -> Deployment:
    """Yield a deployment by a version with short waits: messages come after one second instead of
    30."""
    made = empty("components")
    made.edit("components/waiting.py", "_PATIENCE = 30.0", "_PATIENCE = 1.0")
    made.replace_applications(TINY)
    return made


def test_a_run_says_which_pods_it_waits_for(deployment: Deployment) -> None:
    """The message lists the pods whose turn it is, until they are ready, and a command to inspect
    them."""
    deployment.local.cluster.slow = 2.5
    output = deployment.run("up").stdout
    assert API in output
    assert API in page("how-to/when-a-run-fails.md")
