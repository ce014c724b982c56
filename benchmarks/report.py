"""Time to make the report of many components, its size, and the time to open it in Debian's
Chromium.

    python -m benchmarks.report [--components 1000] [--runs 100] [--rounds 5]

Each recorded run adds ten components. Prints medians. Exits 1 if opening takes more than two
seconds, or if the page is larger than 1.5 MB.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.compile import seconds
from benchmarks.matrix import LIMIT, estate_of, opened
from kong_oam.access.diff.facts import model_of
from kong_oam.access.diff.snapshot import dump_model
from kong_oam.access.model import Estate
from kong_oam.access.settings.stack import read_file
from kong_oam.audit.history.run import Run, run_of
from kong_oam.audit.report.page import page
from kong_oam.audit.report.report import Evidence, Source, report
from kong_oam.audit.uses.model import Uses

LARGEST = 1500
"""Kilobytes."""
SOURCE = Source("local", "2026-12-01T10:00:00Z", "", "", "")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--components", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    browser = shutil.which("chromium")
    if browser is None:
        print("chromium is not on the PATH: apt-get install chromium")
        return 2
    estate = estate_of(-(-options.components // 3))
    evidence = Evidence(
        tuple(_runs(estate, options.runs)), Uses(days={"2026-01-01": 1})
    )
    made = report(SOURCE, estate, evidence)
    written = page(made)
    size = len(written) // 1000
    taken = seconds(lambda: page(report(SOURCE, estate, evidence)))
    print(f"{len(estate.components)} components: {len(made.lines)} lines")
    print(f"{taken:6.2f} s to make with {options.runs} recorded runs")
    print(f"{size:6} kB (at most {LARGEST})")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "matrix.html").write_text(written, "utf-8")
        to_open = statistics.median(
            opened(browser, Path(folder), "") for _ in range(options.rounds)
        )
    print(f"{to_open:6.2f} s to open (at most {LIMIT:g})")
    return 0 if to_open <= LIMIT and size <= LARGEST else 1


def _runs(estate: Estate, count: int) -> Iterator[Run]:
    """Yield records of runs that add ten components each; the last has all."""
    settings = read_file(Path("stacks/Pulumi.local.yaml"))
    lines = dump_model(model_of(estate, settings)).split("\n")
    for number in range(1, count + 1):
        part = lines if number == count else lines[: 2 + 10 * number]
        forge = [{"number": number, "authors": ["ann"], "approvers": ["ben"]}]
        fields = {
            "number": number,
            "previous": None,
            "time": f"2026-11-25T10:{number // 60:02}:{number % 60:02}Z",
            "kind": "run",
            "stack": "local",
            "by": {"account": "ann"},
            "model": part,
            "forge": forge,
        }
        yield run_of("", "", fields)


if __name__ == "__main__":
    sys.exit(main())
