"""Flags leave out a part of a change that also changes grants: drawn at random, between generated
estates.

`--target` and `--exclude` may name any resources. No caller may be allowed that both estates deny,
and the next plain `up` completes the change. The engine must not stop half-way at a resource that
the program registers after the engine took it along (step_generator.go).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kong_oam.engine.state import logical_name
from tests.support.checker.check import Report
from tests.support.checker.estates import regranted_estates
from tests.support.checker.runs import Recorder, compiles, sandbox
from tests.support.tiers import deep_after, examples

pytestmark = pytest.mark.engine

ESTATES = max(3, examples(7))
"""Runs of each chain: 7 at full strength."""


def _flags(draw: random.Random, names: list[str]) -> Iterator[str]:
    """Draw flags: for all resources or some, with or without their dependents."""
    option, share = (
        draw.choice(["--target", "--exclude"]),
        draw.choice([0.1, 0.5]),
    )
    for name in [name for name in names if draw.random() < share] or names[:1]:
        yield from (option, f"**::{name}")
    if draw.random() < 0.25:
        yield f"{option}-dependents"


@pytest.mark.deep
@pytest.mark.timeout(600)
@pytest.mark.generated
@pytest.mark.parametrize("seed", deep_after(1, (3, 1, 2, 4)))
def test_no_flag_opens_or_deletes_a_later_resource(
    tmp_path: Path, seed: int, report: Callable[[str], None]
) -> None:
    draw, total = random.Random(seed), Report()
    with sandbox() as local:
        recorder = Recorder.on(local, tmp_path / "project")
        first, *others = regranted_estates(seed, ESTATES, compiles)
        recorder.up("first", first)
        for after in others:
            there = [
                resource["urn"]
                for resource in recorder.stack.state()
                if not resource["type"].startswith("pulumi:")
            ]
            for flags in (
                [*_flags(draw, sorted(map(logical_name, there)))],
                [],
            ):
                run = recorder.up(" ".join(flags) or "all of it", after, *flags)
                twice = [
                    line
                    for line in recorder.output.splitlines()
                    if "Duplicate resource" in line
                ]
                assert not twice, f"{run.name}:\n{twice}"
                found = run.report()
                assert not found.opened, f"{run.name}:\n{found}"
                total.add(found)
    assert total.reached > 100
    report(
        f"model checker, flags {seed}: {len(others)} pairs of estates, {total.asked} requests, none that no estate allows"
    )
