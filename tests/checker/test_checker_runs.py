"""The gateway never opens by accident: runs of the real engine, replayed in every order and with every lag.

Each chain is a stack that goes from nothing through generated estates to nothing again. Of every run, the steps that the
engine took are put into each order that it could have taken them in, stopped anywhere, and seen by routes, plugins and
credentials each at a moment of its own. Nobody may be let in whom neither the estate before nor the one after lets in.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import reduce
from pathlib import Path

import pytest

from tests.checker.check import Report, check
from tests.checker.estates import STEPS, application, estates, succeeded
from tests.checker.runs import Recorder, Run, sandbox
from tests.estates import compiled
from tests.tiers import deep_after, examples

pytestmark = pytest.mark.engine

CHAINS = (1, 2, 3, 4, 5)
ESTATES = max(3, examples(8))
"""Of each chain: 8 at full strength. With a rotated key, the way to nothing and the way back, a chain is 11 pairs of estates."""
FAILS, FAILURES = STEPS.index(succeeded), (2, 4, 7, 11, 16)
"""Which step of a chain Kong fails in, and at which change of its own: each chain at another."""


def _sound(text: str) -> bool:
    return compiled(text).estate is not None


def held(run: Run, *before: Run) -> Report:
    """A run against the models before and after it; with runs before it, all in a row, against all of their models."""
    runs = [*before, run]
    replay = reduce(lambda done, more: done.then(more), (one.replay for one in runs))
    return check(replay, [runs[0].old, *(one.new for one in runs)], run.callers, time.time())


@pytest.mark.timeout(600)
@pytest.mark.generated
@pytest.mark.parametrize("seed", deep_after(1, CHAINS))
def test_nobody_is_let_in_whom_neither_estate_lets_in(tmp_path: Path, seed: int, report: Callable[[str], None]) -> None:
    """From nothing to nothing, a step at a time; once the issuer signs with another key, and once Kong fails half-way.

    Now and then two runs in a row, the second of which begins before anybody has seen the first.
    """
    runs: list[Run] = []
    total = Report()

    def add(run: Run) -> None:
        for found in (held(run), *([held(run, runs[-1])] if len(runs) % 3 == 1 else [])):
            assert not found.opened and not found.closed, f"{run.name}:\n{found}"
            total.asked, total.reached = total.asked + found.asked, total.reached + found.reached
            total.moments += found.moments
        runs.append(run)

    with sandbox() as local:
        recorder = Recorder.on(local, tmp_path / "project")
        text = ""
        for number, (step, parts) in enumerate(estates(seed, ESTATES, _sound)):
            text = application(parts)
            fails = number == FAILS
            add(recorder.failing(step, text, FAILURES[seed - 1]) if fails else recorder.up(step, text))
            if number == ESTATES // 2:
                recorder.rotate()
                add(recorder.up("rotated", text))
        add(recorder.up("gone", ""))
        add(recorder.up("back", text))
    assert len(runs) == ESTATES + 3
    assert total.reached > 500 and total.asked > 2 * total.reached
    report(
        f"model checker, chain {seed}: {len(runs)} pairs of estates from engine logs, {total.moments} combinations of "
        f"views, {total.asked} requests, {total.reached} of them to a workload; none that no estate allows"
    )
