"""What one Application more costs: as many resources and bytes of state as the page says, and nothing of others."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks import graph
from components.process import DEBUG
from sandbox.local import Local
from tests.support.faults.stacks import start

pytestmark = pytest.mark.engine


@pytest.mark.stand_in  # the limits are those of the benchmark, which uses stand-ins; official plugins record more
def test_an_application_more_is_within_the_limits_and_changes_no_other(tmp_path: Path) -> None:
    """By the estate of the benchmark, three components an Application; the one that comes sorts first."""
    with Local(groups=graph.GROUPS, users=()) as local:
        stack = start(local, tmp_path / "project", applications=[])
        graph.write(stack.folder, 1)
        stack.run("up")
        before = stack.state()
        graph.write(stack.folder, 0)
        done = graph.operations(stack.run("up", "--json").stdout)
        after = stack.state()
    assert {operation.split()[0] for operation in done} == {"create"}
    kilobytes = (sum(map(graph.size, after)) - sum(map(graph.size, before))) / graph.PER_APPLICATION / 1000
    assert kilobytes < graph.LIMITS["KB of state a component"]
    added = Counter(one["type"] for one in after) - Counter(one["type"] for one in before)
    assert added == {kind.split()[1]: count for kind, count in done.items()}
    assert added.total() <= graph.PER_APPLICATION * graph.LIMITS["resources a component"]


def test_what_the_sdk_says_for_debugging_is_said_to_who_asks(tmp_path: Path) -> None:
    """It waits for the engine with each message, several for each resource, whoever reads them."""
    with Local(groups=graph.GROUPS, users=()) as local:
        stack = start(local, tmp_path / "project", applications=[])
        graph.write(stack.folder, 1)
        said = stack.run("up", "--json").stdout.count("resource registration successful")
        local.env[DEBUG] = "true"
        asked = stack.run("up", "--json").stdout.count("resource registration successful")
        resources = len(stack.state())
    assert said == 0
    assert asked >= resources
