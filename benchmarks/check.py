"""Cost of `check` on 1,000 components with evaluated definitions, compared with 1,000 that need no
evaluator.

    python -m benchmarks.check [--rounds 3] [--before FOLDER]

Each component is a webservice with gateway and access; evaluated components also have KubeVela's
scaler. CPU includes the command and the evaluator, medians of alternating rounds. Warm has every
answer in the cache; then one component changes. Fixes: each component has a finding with a fix, and
`check --json` also compares what each fix changes. A further project has plain components and 100
invariants. FOLDER is a checkout of another version, which also checks the components without an
evaluator. Exits 1 if a limit is exceeded.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.compile import exceeds
from kong_oam.render.answers import Answer
from kong_oam.render.cache import Cache, usual_cache
from kong_oam.render.evaluator import Evaluator
from kong_oam.render.program import program
from kong_oam.render.stage import Renderer, read_applications
from kong_oam.render.tools import Tools

ROOT = Path(__file__).resolve().parents[1]
COUNT = 1000
LIMITS = {
    "cold, ms a component": 20.0,
    "warm to plain": 1.6,
    "evaluations of one changed": 1.0,
    "JSON with fixes to text": 1.5,
    "100 invariants to none": 1.5,
}
AGAINST = {"warm to plain, by the version before": 1.3}
"""The limit, as a ratio to `check` before it had an evaluator; that is 1.5 to 1.6 times the current
cost of plain components."""
STACK = """
config:
  kong-oam:cloud: aws
  kong-oam:asOf: "2026-11-25"
  kong-oam:gateway: {cidrs: [192.0.2.0/24], reach: loadBalancer}
  kong-oam:identityProviders: [{name: okta, type: okta}]
"""
APPLICATION = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: app{n}, namespace: app{n}}}
spec:
  components:
    - name: api
      type: webservice
      properties:
        image: registry.example.com/app{n}:1.0
        ports: [{{port: 8080}}]
        cpu: 500m
        memory: 256Mi
        env:
          - {{name: MODE, value: live}}
          - {{name: REGION, value: north}}
      traits:
        - type: gateway
          properties: {{domain: app{n}.example.com, http: {{/items: 8080}}}}{scaler}
        - type: access
          properties:
            owner: team-{n}
            scopes: {{app{n}.read: Read items, app{n}.write: Change items}}
            rules:
              - {{paths: [/items], methods: [GET], scopes: [app{n}.read]}}
              - {{paths: [/items], methods: [POST, PUT, DELETE], scopes: [app{n}.write]}}
              - {{paths: [/items/health], methods: [GET],
                 public: {{reason: probes of the load balancer}}}}
            roles:
              viewer: {{scopes: [app{n}.read], groups: [readers]}}
              editor: {{scopes: [app{n}.read, app{n}.write], groups: [writers]}}
"""
INVARIANTS = 100
"""Half of them concern every component."""
EVERYWHERE = """\
- never: {{who: [anybody], may: "POST,PUT */items/part{n}", reason: r}}
"""
AT_ONE = """\
- only: {{who: [group readers, group writers], may: "POST app{n}.example.com/items", reason: r}}
"""
# A fix whose changes of access are compared: it removes a waiver without a finding.
WAIVER = """\
            waivers: [{finding: LINT303, reason: none, until: "2027-12-31"}]
"""
SCALER = "\n        - {type: scaler, properties: {replicas: 2}}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--before",
        type=Path,
        metavar="FOLDER",
        help="a checkout of the version to compare with",
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        cache = root / "cache"
        cache.mkdir()
        (cache / program().parent.name).symlink_to(program().parent)
        plain = _project(root / "plain", "")
        evaluated = _project(root / "evaluated", SCALER)
        fixable = _project(root / "fixable", "", WAIVER)
        guarded = _project(root / "guarded", "")
        (guarded / "invariants.yaml").write_text(_invariants())
        cold = _cpu_of_check(evaluated, cache)
        before = options.before.resolve() if options.before else ROOT
        _cpu_of_check(plain, cache, before)  # this compiles it
        rounds = [
            (
                _cpu_of_check(plain, cache, before),
                _cpu_of_check(plain, cache),
                _cpu_of_check(evaluated, cache),
                _cpu_of_check(fixable, cache),
                _cpu_of_check(fixable, cache, ROOT, "--json"),
                _cpu_of_check(guarded, cache),
            )
            for _ in range(options.rounds)
        ]
        changed = evaluated / "applications/app00007.yaml"
        changed.write_text(
            changed.read_text().replace("replicas: 2", "replicas: 3")
        )
        count = _evaluations(
            evaluated, Cache(cache / "renderings", usual_cache().version)
        )
    medians = map(statistics.median, zip(*rounds, strict=True))
    earlier, without, warm, text, with_fixes, with_invariants = medians
    print(
        f"check of {COUNT} plain components: {without:.2f} s of CPU; evaluated: cold {cold:.2f}, "
        f"warm {warm:.2f}; with fixes: text {text:.2f}, JSON {with_fixes:.2f}; with {INVARIANTS} "
        f"invariants {with_invariants:.2f}"
    )
    values = (
        (cold - without) / COUNT * 1000,
        statistics.median(times[2] / times[1] for times in rounds),
        count,
        statistics.median(times[4] / times[3] for times in rounds),
        statistics.median(times[5] / times[1] for times in rounds),
    )
    measured = dict(zip(LIMITS, map(float, values), strict=True))
    limits = LIMITS
    if options.before:
        print(
            f"check of {COUNT} plain components by the version before: {earlier:.2f}"
        )
        measured |= dict.fromkeys(
            AGAINST, statistics.median(times[2] / times[0] for times in rounds)
        )
        limits = LIMITS | AGAINST
    for name, value in measured.items():
        print(f"{name:36} {value:8.2f}   limit {limits[name]:g}")
    return int(exceeds(measured, limits))


def _project(folder: Path, scaler: str, more: str = "") -> Path:
    for number in range(COUNT):
        file = folder / f"applications/app{number:05}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(APPLICATION.format(n=number, scaler=scaler) + more)
    (folder / "stacks").mkdir()
    (folder / "stacks/Pulumi.local.yaml").write_text(STACK)
    return folder


def _invariants() -> str:
    lines = []
    for number in range(INVARIANTS):
        kind = (EVERYWHERE, AT_ONE)[number % 2]
        lines.append(kind.format(n=number))
    return "".join(lines)


def _cpu_of_check(
    project: Path, cache: Path, of: Path = ROOT, *flags: str
) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {
        **os.environ,
        "KONG_OAM_CACHE": str(cache),
        "PYTHONPATH": str(of),
    }
    environment["PYTHONPYCACHEPREFIX"] = str(
        cache / "compiled"
    )  # as after an earlier run
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", "kong_oam", "check", *flags]
    done = subprocess.run(
        command,
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    checked = '"usable": true' if flags else f"{COUNT} application(s)"
    assert checked in done.stdout, (
        done.stdout[-2000:],
        done.stderr[-2000:],
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class _Counting(Evaluator):
    """An evaluator that counts its requests."""

    asked = 0

    def ask(self, request: Mapping[str, Any]) -> Answer:
        self.asked += 1
        return super().ask(request)


def _evaluations(project: Path, cache: Cache) -> int:
    with Tools(evaluator := _Counting(), cache) as tools:
        reading = read_applications(
            [project / "applications"],
            [],
            30,
            folder=project,
            renderer=Renderer(tools),
        )
        assert not reading.diagnostics and len(reading.applications) == COUNT, (
            reading.diagnostics
        )
    return evaluator.asked


if __name__ == "__main__":
    sys.exit(main())
