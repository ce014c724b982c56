"""No caller is allowed or denied by accident while a command runs the stacks of an estate in
partitions.

Each chain goes through generated estates by `python -m kong_oam up`, under the mocks of the engine.
A command may be cut off after any steps of any of its runs and begin again, maybe towards another
estate. A partition may fail while others continue. The engine's own command may run one stack in
between. Each moment of every possible order of steps is checked, with the tokens from before and
with the tokens that clients get at that moment.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from sandbox.local import STACK
from tests.support.checker.check import Report
from tests.support.checker.commands import Commands, commands
from tests.support.checker.partitioned_estates import PartitionedEstate, chain
from tests.support.checker.stacks import Trouble
from tests.support.tiers import deep_after

WAYS = ("whole", "failed", "killed", "literal", "excluding")
PAIRS = 4


def _go(
    commands: Commands,
    draw: random.Random,
    way: str,
    before: PartitionedEstate,
    after: PartitionedEstate,
    later: PartitionedEstate,
    *,
    thorough: bool,
) -> Report:
    """Deploy the next estate in one of the ways, and then complete it."""
    if way in ("literal", "excluding"):
        return _by_the_engine(
            commands,
            draw,
            before,
            after,
            draw.random() if way == "excluding" else 0,
        )
    trouble = (
        None if way == "whole" else Trouble(draw.randrange(4), way == "killed")
    )
    commands.up(after, trouble=trouble)
    if trouble:
        commands.up(draw.choice([before, after, later]))
        commands.up(after)
    assert commands.up(after) == 0, (
        f"{commands.backend.output}{commands.backend.refused}"
    )
    assert not commands.backend.ran, (
        "a command that has nothing to do runs stacks"
    )
    return commands.report(thorough=thorough and way == "whole")


def _by_the_engine(
    commands: Commands,
    draw: random.Random,
    before: PartitionedEstate,
    after: PartitionedEstate,
    excluded: float,
) -> Report:
    """Change one of the stacks, or a part of it, by the engine's own run. Then run the command; it
    denies no more callers than the engine's run did."""
    there = [
        name
        for name in after.layout
        if f"{STACK}-{name}" in commands.backend.stacks
    ]
    commands.literal(after, f"{STACK}-{draw.choice(there)}", excluded)
    found = commands.report()
    refused = {
        (finding.target, finding.method, _client(finding.caller))
        for finding in found.closed
    }
    commands.begin(2)
    assert commands.behind == [before, after]
    assert commands.up(after) == 0, commands.backend.output
    found.closed.clear()
    found.add(commands.report())
    found.closed = [
        finding
        for finding in found.closed
        if (finding.target, finding.method, _client(finding.caller))
        not in refused
    ]
    return found


def _client(caller: str) -> str:
    """Return the client of a caller, with any token or none."""
    return caller.split()[0].rstrip(",")


@pytest.mark.generated
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", deep_after(1, range(1, 13)))
def test_no_command_decides_against_both_estates(
    tmp_path: Path, seed: int, report: Callable[[str], None]
) -> None:
    draw, total, runs = random.Random(seed), Report(), 0
    estates = [*islice(chain(seed), PAIRS + 2)]
    with commands(tmp_path / "project", draw) as made:
        assert made.up(estates[0]) == 0, made.backend.output
        for number in range(PAIRS):
            made.begin()
            made.roll_out()
            way = WAYS[(number + seed - 1) % len(WAYS)]
            found = _go(
                made,
                draw,
                way,
                *estates[number : number + 3],
                thorough=seed % 4 == 0,
            )
            assert not found.opened and not found.closed, (
                f"pair {number}, {way}:\n{found}"
            )
            assert made.up(estates[number + 1]) == 0, made.backend.output
            total.add(found)
            runs += len(made.backend.done)
    assert total.asked >= total.reached > 100
    report(
        f"model checker of partitions, chain {seed}: {PAIRS} pairs of estates, {runs} steps, {total.asked} requests, "
        f"{total.reached} of them to a workload; none that no estate allows, none refused that all allow"
    )
