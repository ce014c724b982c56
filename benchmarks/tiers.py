"""Time of the three tiers of tests on this machine, one after the other: `python -m
benchmarks.tiers [TIER...]`.

Prints the wall time, the limit, and pytest's last line of each. Exits 1 if a tier fails or takes
longer than its limit, which is for two idle cores.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIMITS = {"test-fast": 3, "test": 25, "test-all": 60}
"""Minutes, by the target of the Makefile."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "tiers",
        metavar="TIER",
        nargs="*",
        default=[*LIMITS],
        help=f"default: {' '.join(LIMITS)}",
    )
    chosen = parser.parse_args().tiers
    if unknown := set(chosen) - set(LIMITS):
        parser.error(
            f"no tier {', '.join(sorted(unknown))}; use one of {', '.join(LIMITS)}"
        )
    passed = [*map(measured, chosen)]  # all tiers, also after a failure
    return 0 if all(passed) else 1


def measured(tier: str) -> bool:
    """Run a tier and print a line. Return whether it passed in time."""
    began = time.monotonic()
    ran = subprocess.run(
        ["make", tier],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    minutes = (time.monotonic() - began) / 60
    summary = ran.stdout.strip().rpartition("\n")[2]
    print(
        f"make {tier:10} {minutes:5.1f} min (limit {LIMITS[tier]}): {summary}",
        flush=True,
    )
    if ran.returncode:
        print(ran.stdout[-4000:])
    return ran.returncode == 0 and minutes <= LIMITS[tier]


if __name__ == "__main__":
    sys.exit(main())
