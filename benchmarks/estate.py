"""Cost of a growing estate in partitions: CPU seconds, bytes written and requests of each kind of
run.

    python -m benchmarks.estate [--components 10 100 1000] [--partition 10 20] [--walk] [--zstd] \
        [--one-stack]

Deploys three estates in partitions on the sandbox by the project's own `up`. The engine, its file
backend and the program are real; Kong, Okta, the cluster and the plugins are stand-ins.

Costs are ratios to the next smaller estate with partitions of the same size: ten components up to a
hundred, twenty beyond. A changed rule is compared with the same change in an estate of one such
partition. CPU seconds include all processes of a command and the stand-ins, which also have their
own column; nothing is forked from running processes. Bytes are Linux's count for the run's
processes.

`--walk` continues with the largest estate. An Application moves to another partition, a client is
rotated, an `up` is interrupted, recovered and repeated, and all is destroyed. `--one-stack` also
shows the second estate in one stack, without a limit. Exits 1 if a limit is exceeded.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from benchmarks.backends import ZSTD
from benchmarks.compile import exceeds
from benchmarks.conditions import as_users_run
from benchmarks.large import Large, Run, large, measure, walk
from sandbox.local import STACK

SIZES = 10, 100, 1000
PARTITIONS = 10, 20
"""Components of a partition: up to the second size of the estate, and up to the third."""
ROUNDS = 3
MANY = 1000
"""Below this number of components a run without work has no limit, because it mostly starts a
process."""
HEADING = (
    f"{'run':<32} {'CPU s':>7} {'stand-ins':>9} {'MB written':>10} {'okta':>6} {'Kong':>6}  "
    "operations"
)
PREVIEW = "one rule changed: preview"
UP = "one rule changed: up"
ADDED = "an Application added"

Runs = Mapping[str, Run]
Step = tuple[int, int, int]
"""Growth from one number of components to another, in partitions of a size."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--components",
        type=int,
        nargs="+",
        default=SIZES,
        help="two or three, each ten times the one before",
    )
    parser.add_argument(
        "--partition",
        type=int,
        nargs="+",
        default=PARTITIONS,
        help="components of each, by step; multiples of ten",
    )
    parser.add_argument(
        "--walk",
        action="store_true",
        help="move, rotate, interrupt, recover and destroy the largest",
    )
    parser.add_argument(
        "--zstd",
        action="store_true",
        help="with states that the engine compresses",
    )
    parser.add_argument(
        "--one-stack",
        action="store_true",
        help="the second estate in one stack, too",
    )
    options = parser.parse_args()
    pairs = [*pairwise(options.components)]
    if len(options.partition) < len(pairs):
        parser.error(
            "--partition needs the components of a partition for each step"
        )
    as_users_run()
    settings = ZSTD if options.zstd else {}
    if options.one_stack:
        deployed(options.components[1], 0, settings)
    steps: list[Step] = []
    for (less, more), partition in zip(pairs, options.partition, strict=False):
        steps.append((less, more, partition))
    *_, (_, largest, partition) = steps
    estates = {}
    for size in dict.fromkeys(_sizes(steps)):
        estates[size] = deployed(
            *size, settings, go_on=options.walk and size == (largest, partition)
        )
    values = ratios(estates, steps)
    most = limits(options.components)
    print()
    for name, value in values.items():
        print(f"{value:8.2f} {name} (at most {most[name]:g})")
    return int(exceeds(values, most))


def _sizes(steps: Sequence[Step]) -> Iterator[tuple[int, int]]:
    """Yield the components of each estate to deploy and of its partitions.

    An estate with a single partition precedes the last estate, for comparison.
    """
    for step in steps:
        less, more, partition = step
        if step is steps[-1]:
            yield partition, partition
        yield less, partition
        yield more, partition


def limits(components: Sequence[int]) -> dict[str, float]:
    """Return the limit of each measure, by its name, for estates of so many components, smallest
    first."""
    few = f"{components[0]:,}"
    many = f"{components[-1]:,}"
    most = {}
    for (less, more), growth in zip(
        pairwise(components), (12.0, 11.0), strict=False
    ):
        most[f"first up, CPU: {more:,} to {less:,} components"] = growth
        most[f"first up, bytes written: {more:,} to {less:,} components"] = (
            growth
        )
    if components[-1] >= MANY:
        most[
            f"nothing changed among {many}, CPU: to reading and compiling them"
        ] = 4.0
    return most | {
        f"one rule changed among {many}, CPU of preview and up: to an estate of one partition": 1.5,
        f"updates of an added Application: {many} to {few} components": 1.0,
        f"requests of an added Application: {many} to {few} components": 1.0,
        f"CPU seconds of verify, {many} components": 60.0,
    }


def ratios(
    estates: Mapping[tuple[int, int], tuple[Runs, float]], steps: Sequence[Step]
) -> dict[str, float]:
    """Return the values that have limits. `found` is by the components of an estate and of its
    partitions."""
    (smallest, _, first) = steps[0]
    (_, largest, partition) = steps[-1]
    (few, _) = estates[smallest, first]
    (many, compiled) = estates[largest, partition]

    def changed(runs: Runs) -> float:
        return runs[PREVIEW].cpu + runs[UP].cpu

    growth: list[float] = []
    for less, more, each in steps:
        before = estates[less, each][0]["first up"]
        after = estates[more, each][0]["first up"]
        growth += (after.cpu / before.cpu, after.written / before.written)
    others = (
        *([many["nothing changed"].cpu / compiled] if largest >= MANY else ()),
        changed(many) / changed(estates[partition, partition][0]),
        many[ADDED].operations.total() / few[ADDED].operations.total(),
        sum(many[ADDED].requests.values()) / sum(few[ADDED].requests.values()),
        many["verify"].cpu,
    )
    return dict(
        zip(
            limits([smallest, *(more for _, more, _ in steps)]),
            (*growth, *others),
            strict=True,
        )
    )


def deployed(
    components: int,
    partition: int,
    settings: Mapping[str, str],
    *,
    go_on: bool = False,
) -> tuple[Runs, float]:
    """Return the runs of one estate, printed as they end, and the CPU seconds of reading and
    compiling it."""
    count = -(-components // partition) if partition else 0
    print(
        f"\n{components} components in "
        f"{f'{count} partitions and their base' if count else 'one stack'}"
    )
    print(HEADING, flush=True)
    with large(components, partition, settings=settings, tell=tell) as estate:
        seconds = compiling(estate)
        tell("reading and compiling", Run(cpu=seconds))
        measure(estate)
        if go_on:
            walk(estate)
        return estate.runs, seconds


def compiling(estate: Large) -> float:
    """Return the CPU seconds of a process that only reads, validates and compiles the estate.

    This is the median of some rounds, and the least cost of any verb.
    """

    def once() -> float:
        before = os.times()
        subprocess.run(
            [sys.executable, "-c", _COMPILE],
            cwd=estate.root,
            env=estate.local.env,
            check=True,
        )
        after = os.times()
        return sum(after[2:4]) - sum(before[2:4])

    return statistics.median(once() for _ in range(ROUNDS))


_COMPILE = f"""
import gc
from kong_oam.__main__ import GC_THRESHOLDS
from kong_oam.cli.estates import estate_of, reading_of, settings_of
from kong_oam.identity.kinds import describe
gc.set_threshold(*GC_THRESHOLDS)
settings = settings_of({STACK!r}, describe=describe)
estate_of(reading_of(None, settings), settings)
"""


def tell(name: str, run: Run) -> None:
    """Print a line of the table."""
    requests = run.requests
    operations = sorted(run.operations.items())
    done = ", ".join(f"{count} {operation}" for operation, count in operations)
    line = (
        f"{name:<32} {run.cpu:7.1f} {run.stand_ins:9.1f} {run.written / 1e6:10.1f} "
        f"{requests.get('okta', 0):6} {requests.get('Kong', 0):6}  {done}"
    )
    print(line.rstrip(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
