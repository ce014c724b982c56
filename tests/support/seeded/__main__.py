"""Seed each fault in a copy of the project, run the tests that should catch it, and print which
test did.

    python -m tests.support.seeded [NAME...]

NAME is a part of a fault's name. The exit status is 1 where a fault is not caught, or a patch no
longer fits.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.support.seeded.faults import (
    Fault,
    all_faults,
    applies,
    copy_tree,
    mend,
    run,
    seed,
)

PASSED, FAILED = 0, 1
"""Exit statuses of pytest. Any other means that the tests could not run."""


def main(names: list[str]) -> int:
    faults = [
        fault
        for fault in all_faults()
        if not names or any(name in fault.name for name in names)
    ]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "project"
        copy_tree(folder)
        without = run(
            tuple(sorted({test for fault in faults for test in fault.tests})),
            folder,
        )
        if without.status != PASSED:
            print(
                f"Without a fault the tests do not pass (pytest: {without.status}): {' '.join(without.failed)}"
            )
            return 1
        caught = [_is_caught(fault, folder) for fault in faults]
    print(f"{sum(caught)} of {len(faults)} faults were caught")
    return 0 if all(caught) else 1


def _is_caught(fault: Fault, folder: Path) -> bool:
    if not applies(fault, folder):
        print(
            f"{fault.name}: the patch does not fit the project any more; make it anew",
            flush=True,
        )
        return False
    seed(fault, folder)
    try:
        outcome = run(fault.tests, folder)
    finally:
        mend(fault, folder)
    caught = outcome.status == FAILED
    says = (
        f"caught by {' '.join(outcome.failed)}"
        if caught
        else f"NOT caught (pytest: {outcome.status})"
    )
    print(f"{fault.name}: {says}", flush=True)
    return caught


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
