"""The gateway never opens by accident: runs of the real engine, in all their visible states.

Each chain is a stack that goes from an empty estate through generated estates and back. For every
run, the entities that decide about a request are combined in every mixture of their versions. No
mixture may allow a caller that the estates before and after deny.
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
"""Estates of each chain: 8 at full strength. A rotated key, the first and the last step make 11
pairs of estates."""
FAILS, FAILURES = STEPS.index(swapped), (2, 4, 7)
"""The step of a chain in which Kong fails, and the number of the failing change: different in each
chain."""


@pytest.mark.timeout(380)
@pytest.mark.generated
@pytest.mark.parametrize("seed", deep_after(1, CHAINS))
def test_no_run_allows_a_call_that_both_estates_deny(
    tmp_path: Path, seed: int, report: Callable[[str], None]
) -> None:
    """From an empty estate and back, step by step. Once the issuer signs with another key, and once
    Kong fails half-way.

    Now and then two runs come in a row; no view has seen the first before the second begins.
    """
    runs: list[Run] = []
    total = Report()

    def add(run: Run) -> None:
        for found in (
            run.report(),
            *([runs[-1].then(run).report()] if len(runs) % 4 == 1 else []),
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
