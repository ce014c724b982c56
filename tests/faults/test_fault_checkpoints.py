"""Checkpoints: previews write none, and a run with changes always writes them."""

from __future__ import annotations

from tests.support.faults.stacks import Empty
from tests.support.faults.tiny import TINY


def test_a_run_that_could_not_be_recovered_makes_nothing(empty: Empty) -> None:
    """A pipeline sets the previews' variable for all its commands."""
    stack = empty(applications=[TINY])
    stack.local.env["PULUMI_SKIP_CHECKPOINTS"] = "true"
    stack.pulumi("preview")
    before = stack.local.kong.past()
    refused = stack.run("up", check=False)
    assert refused.returncode != 0
    assert "PULUMI_SKIP_CHECKPOINTS is set" in refused.stdout + refused.stderr
    assert stack.local.kong.past() == before and not list(
        stack.local.cluster.objects()
    )
    del stack.local.env["PULUMI_SKIP_CHECKPOINTS"]
    stack.run("up")
