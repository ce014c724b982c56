"""How long the three tiers of tests take on this machine, one after the other: `python -m
benchmarks.tiers [TIER...]`.

Prints for each its wall time, its limit, and what pytest says at the end. Exits 1 where a tier
fails or takes longer than its limit, which is meant for two idle cores.
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
            f"no tier {', '.join(sorted(unknown))}; there are {', '.join(LIMITS)}"
        )
    passed = [*map(measured, chosen)]  # all of them, also after one that failed
    return 0 if all(passed) else 1


def measured(tier: str) -> bool:
    """Run it, prints a line, and tell whether it passed in time."""
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
