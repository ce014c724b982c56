"""Cost of `preview` on components with evaluated definitions, compared with as many that need no
evaluator.

    python -m benchmarks.preview [--components 100] [--rounds 3] [--before FOLDER]

The components are from `benchmarks.check`, on the sandbox, with nothing deployed. The engine is
real; Kong, Okta, the cluster and the plugins are stand-ins. CPU is of the program alone and of all
processes of a run, medians of alternating rounds, with every answer in the cache. FOLDER is a
checkout of another version, which also previews the components without an evaluator. Exits 1 if the
limit is exceeded.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from operator import truediv
from pathlib import Path

from benchmarks.check import APPLICATION, SCALER
from benchmarks.conditions import as_users_run
from benchmarks.graph import GROUPS, spent
from sandbox import project
from sandbox.local import ROOT, STACK, Local

PLAIN = "plain"
EVALUATED = "evaluated"
BEFORE = "plain, by the version before"
LIMIT = 1.3
"""Limit of a preview of evaluated components, as a ratio to plain components."""

Rounds = dict[str, list[float]]
"""CPU seconds of each round, by project."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--components", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--before",
        type=Path,
        metavar="FOLDER",
        help="a checkout of the version to compare with",
    )
    options = parser.parse_args()
    as_users_run()
    of = {PLAIN: ROOT, EVALUATED: ROOT} | (
        {BEFORE: options.before.resolve()} if options.before else {}
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        Local(groups=GROUPS, users=()) as local,
    ):
        roots = {
            kind: _project(
                Path(folder) / kind, checkout, kind, options.components
            )
            for kind, checkout in of.items()
        }
        local.pulumi("stack", "init", "-s", STACK, cwd=roots[PLAIN])
        for root in roots.values():
            _preview(local, root)
        programs: Rounds = {kind: [] for kind in roots}
        runs: Rounds = {kind: [] for kind in roots}
        for _ in range(options.rounds):
            for kind, root in roots.items():
                program, run = _preview(local, root)
                programs[kind].append(program)
                runs[kind].append(run)
    for kind in of:
        print(
            f"{options.components} {kind}: {statistics.median(programs[kind]):.2f} s of CPU for "
            f"the program, {statistics.median(runs[kind]):.2f} for the run"
        )
    worst = 0.0
    for kind in of:
        if kind == EVALUATED:
            continue
        for name, rounds in (("program", programs), ("run", runs)):
            ratio = statistics.median(
                map(truediv, rounds[EVALUATED], rounds[kind])
            )
            label = f"{name} of evaluated to {kind}"
            print(f"{label:53} {ratio:5.2f}   limit {LIMIT:g}")
            worst = max(worst, ratio)
    return int(worst > LIMIT)


def _project(folder: Path, of: Path, kind: str, components: int) -> Path:
    folder.mkdir()
    root = project.project(folder, of=of)
    for file in (root / "applications").iterdir():
        file.unlink()
    for number in range(components):
        text = APPLICATION.format(
            n=number, scaler=SCALER if kind == EVALUATED else ""
        )
        (root / f"applications/app{number:05}.yaml").write_text(text)
    return root


def _preview(local: Local, root: Path) -> tuple[float, float]:
    """Return the CPU seconds of the program, and of all processes of a run."""
    times = root / "seconds"
    seconds = list[float]()
    times.write_text("")
    local.env["KONG_OAM_PROGRAM_SECONDS"] = str(times)
    with spent(seconds.append):
        local.pulumi("preview", "-s", STACK, cwd=root, timeout=1800)
    return float(times.read_text()), seconds[0]


if __name__ == "__main__":
    sys.exit(main())
