"""The gateway never opens by accident: runs of the real engine, and all their visible states.

Each chain is a stack that goes from nothing through generated estates to nothing again. For every
run, the parts that decide about a request are combined in every mixture of their versions. No
caller may be allowed that the estates before and after both deny.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.checker.check import Report
from tests.support.checker.estates import STEPS, Shape, estates, swapped
from tests.support.checker.runs import Recorder, Run, compiles, sandbox
from tests.support.tiers import deep_after, examples

pytestmark = pytest.mark.engine

CHAINS = (1, 2, 3)
ESTATES = max(3, examples(8))
"""Estates of each chain: 8 at full strength. With a rotated key, the way to nothing and the way
back, there are 11 pairs."""
FAILS, FAILURES = STEPS.index(swapped), (2, 4, 7)
"""The step of a chain in which Kong fails, and at which of its changes: it differs between chains.
"""


@pytest.mark.timeout(380)
@pytest.mark.generated
@pytest.mark.parametrize("seed", deep_after(1, CHAINS))
def test_no_run_allows_a_call_that_both_estates_deny(
    tmp_path: Path, seed: int, report: Callable[[str], None]
) -> None:
    """From nothing to nothing, step by step; once the issuer signs with another key, and once Kong
    fails in the middle. Sometimes two runs follow each other, and the second begins before any
    view shows the first."""
    runs: list[Run] = []
    total = Report()

    def add(run: Run) -> None:
        for found in (
            run.held(),
            *([runs[-1].then(run).held()] if len(runs) % 4 == 1 else []),
        ):
            assert not found.opened and not found.closed, (
                f"{run.name}:\n{found}"
            )
            total.add(found)
        runs.append(run)

    with sandbox() as local:
        recorder = Recorder.on(local, tmp_path / "project")
        shape = Shape()
        for number, (step, shape) in enumerate(
            estates(seed, ESTATES, compiles)
        ):
            fails = number == FAILS
            add(
                recorder.failing(step, shape, FAILURES[seed - 1])
                if fails
                else recorder.up(step, shape)
            )
            if number == ESTATES // 2:
                recorder.rotate()
                add(recorder.up("rotated", shape))
        add(recorder.destroy("gone"))
        add(recorder.up("back", shape))
    assert len(runs) == ESTATES + 3
    assert total.reached > 500 and total.asked > 2 * total.reached
    report(
        f"model checker, chain {seed}: {len(runs)} pairs of estates, {total.mixtures} mixtures of versions, {total.asked} "
        f"requests, {total.reached} of them to a workload; none that no estate allows"
    )
