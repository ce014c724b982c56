"""Asks the project what the oracle knows: `python -m tests.support.oracle --decisions 1000000 --seed 7`.

Prints how often each dimension was asked, and every disagreement. Exit status 1 where there is one.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.support.oracle.compare import Report, compared
from tests.support.oracle.worlds import table

QUESTIONS = 100
"""To one pair of estates."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.support.oracle", description=__doc__)
    parser.add_argument("--decisions", type=int, default=10_000, help="answers of the project to look at, at least")
    parser.add_argument("--seed", type=int, default=0, help="of the first pair of estates; the next has the next one")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    report, began, seed = Report(), time.monotonic(), arguments.seed
    with ProcessPoolExecutor(arguments.processes) as pool:
        while report.decisions < arguments.decisions:
            batch = range(seed, seed + 20 * arguments.processes)
            for found in pool.map(partial(compared, count=QUESTIONS), batch, chunksize=5):
                report.add(found)
            seed = batch.stop
    rate = report.decisions / (time.monotonic() - began)
    print(table(report.counted))
    print(*report.disagreements[:50], sep="\n")
    print(f"{report.decisions:,} decisions, {rate:,.0f} a second, seeds {arguments.seed} to {seed - 1}")
    print(f"{len(report.disagreements)} disagreement(s)")
    return 1 if report.disagreements else 0


if __name__ == "__main__":
    sys.exit(main())
