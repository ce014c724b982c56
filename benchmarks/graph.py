"""Cost of a component: resources and bytes in the state by kind, and CPU seconds of each kind of
run.

    python -m benchmarks.graph [--components 60] [--before FOLDER]

Deploys Applications of three components (a guarded API, a job that calls it, a web client) on the
sandbox. The engine and its checkpoints are real; Kong, Okta, the cluster and the plugins are
stand-ins.

CPU seconds include all processes of a run and the stand-ins; nothing is forked from running
processes. FOLDER is a checkout of another version, which is measured first with the same stand-ins.
Records go to a sink over HTTP. The case with everything has every trait of `benchmarks.gateway`,
these records, and metrics. Exits 1 if a limit is exceeded.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from benchmarks.compile import APPLICATION, exceeds
from benchmarks.conditions import as_users_run
from benchmarks.gateway import TRAITS
from kong_oam.oam.schema import EDGE_TRAITS
from sandbox import project
from sandbox.local import STACK, Local

PER_APPLICATION = 3
FEW = 3
SOME = 12
GROUPS = ("readers", "writers")
LIMITS = {
    # Each port has its own code, twice in the state: 19 to 31 KB more than with a shared global
    # plugin.
    "KB of state a component": 80.0,
    "KB of state a component with records": 92.0,
    "KB of state a component with all options": 107.0,
    "resources a component": 14.0,
    "preview, to a preview with checkpoints": 0.5,
    "program of a run without a change, to 3 components": 3.0,
    "operations of an added Application, to 12 components": 1.0,
}
AGAINST = {"up": 0.7}
"""Limit of a run's cost, as a ratio to the version before."""


@dataclass
class Measured:
    """CPU seconds by kind of run, CPU seconds of the program alone, the operations of an added
    Application, and the state."""

    components: int
    seconds: dict[str, float] = field(default_factory=dict)
    program: float = 0.0
    added: Counter[str] = field(default_factory=Counter)
    resources: list[dict[str, Any]] = field(default_factory=list)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--components", type=int, default=60)
    parser.add_argument(
        "--before",
        type=Path,
        metavar="FOLDER",
        help="a checkout of the version to compare with",
    )
    options = parser.parse_args()
    as_users_run()
    before = (
        measured(options.components, options.before) if options.before else None
    )
    few = measured(FEW)
    some = measured(SOME)
    many = measured(options.components)
    print(f"{options.components} components; state by kind:")
    for line in by_kind(many.resources, options.components):
        print(f"  {line}")
    for kind, seconds in many.seconds.items():
        print(f"{seconds:8.1f} CPU s: {kind}{against(kind, seconds, before)}")
    values = {
        "KB of state a component": sum(map(size, many.resources))
        / options.components
        / 1000,
        "KB of state a component with records": added_bytes(records=True)
        / PER_APPLICATION
        / 1000,
        "KB of state a component with all options": added_bytes(
            records=True, all_else=True
        )
        / PER_APPLICATION
        / 1000,
        "resources a component": len(many.resources) / options.components,
        "preview, to a preview with checkpoints": many.seconds["preview"]
        / many.seconds["preview with checkpoints"],
        "program of a run without a change, to 3 components": many.program
        / few.program,
        "operations of an added Application, to 12 components": many.added.total()
        / some.added.total(),
    }
    for name, value in values.items():
        print(f"{value:8.2f} {name} (at most {LIMITS[name]:g})")
    print(f"         operations of an added Application: {dict(many.added)}")
    slow = False
    if before:
        limits = {
            kind: most * before.seconds[kind] for kind, most in AGAINST.items()
        }
        slow = any(many.seconds[kind] > limit for kind, limit in limits.items())
    return int(slow or exceeds(values, LIMITS))


def measured(components: int, checkout: Path = project.ROOT) -> Measured:
    """Run a preview with and without checkpoints, `up`, a run without a change, a changed rule, and
    an added Application whose name sorts first."""
    result = Measured(components)
    with (
        tempfile.TemporaryDirectory() as folder,
        Local(groups=GROUPS, users=()) as local,
    ):
        root = project.project(Path(folder), of=checkout)
        for file in (root / "applications").iterdir():
            file.unlink()
        for number in range(1, components // PER_APPLICATION + 1):
            write(root, number)
        times = local.env["KONG_OAM_PROGRAM_SECONDS"] = str(root / "seconds")

        def run(kind: str, *arguments: str) -> str:
            with spent(
                lambda seconds: result.seconds.__setitem__(kind, seconds)
            ):
                return local.pulumi(
                    *arguments, "-s", STACK, cwd=root, timeout=1800
                ).stdout

        up = ("up", "--yes", "--skip-preview", "--json")
        run("stack init", "stack", "init")
        run("preview", "preview")
        local.env["PULUMI_SKIP_CHECKPOINTS"] = "false"
        run("preview with checkpoints", "preview")
        run("up", *up)
        result.resources = exported(local, root)
        Path(times).write_text("")
        run("no change", *up)
        result.program = float(Path(times).read_text())
        write(root, components // PER_APPLICATION, reading="write")
        run("one rule changed", *up)
        write(root, 0)
        result.added = operations(run("an Application added", *up))
    del result.seconds["stack init"]
    return result


def exported(
    local: Local, root: Path, stack: str = STACK
) -> list[dict[str, Any]]:
    """Return the resources of a stack of the project in `root`."""
    resources: list[dict[str, Any]] = json.loads(
        local.pulumi("stack", "export", "-s", stack, cwd=root).stdout
    )["deployment"]["resources"]
    return resources


def added_bytes(*, records: bool, all_else: bool = False) -> int:
    """Return the additional bytes of state of an Application: plain, with records, and with all
    options."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Local(groups=GROUPS, users=()) as local,
    ):
        root = project.project(Path(folder))
        for file in (root / "applications").iterdir():
            file.unlink()
        if records:
            project.set_gateway(
                root,
                logs={"http": {"url": "http://logs.example.com/in"}},
                metrics=all_else,
            )
        local.pulumi("stack", "init", "-s", STACK, cwd=root)
        sizes = []
        for number in (1, 2):
            write(root, number, traits=TRAITS if all_else else {})
            local.pulumi(
                "up",
                "--yes",
                "--skip-preview",
                "-s",
                STACK,
                cwd=root,
                timeout=600,
            )
            sizes.append(sum(map(size, exported(local, root))))
    return sizes[1] - sizes[0]


def write(
    root: Path,
    number: int,
    reading: str = "read",
    traits: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Return the Application of a number; its scope is for reading. Components with an access trait
    get `traits`."""
    rule = f"methods: [GET], scopes: [app{number}.read]"
    text = APPLICATION.format(n=number).replace(
        rule, rule.replace(".read", f".{reading}")
    )
    more = ""
    for kind, properties in traits.items():
        if kind in EDGE_TRAITS:
            trait = json.dumps({"type": kind, "properties": properties})
            more += f"        - {trait}\n"
    text = text.replace(
        "        - type: access\n", f"{more}        - type: access\n"
    )
    (root / "applications" / f"app{number:05}.yaml").write_text(text)


@contextmanager
def spent(tell: Callable[[float], object]) -> Iterator[None]:
    """Return the CPU seconds of this process, with its threads (the stand-ins) and its ended
    children."""
    before = os.times()
    yield
    after = os.times()
    tell(sum(after[:4]) - sum(before[:4]))


def operations(events: str) -> Counter[str]:
    """Return the number of resources by type that a run created, updated, replaced or deleted, from
    the engine's events."""
    counts: Counter[str] = Counter()
    for line in events.splitlines():
        event = json.loads(line) if line.startswith("{") else {}
        step = event.get("resourcePreEvent")
        if step and step["metadata"]["op"] not in ("same", "read"):
            counts[f"{step['metadata']['op']} {step['metadata']['type']}"] += 1
    return counts


def size(resource: Mapping[str, Any]) -> int:
    """Return the bytes of a resource in the state, which the engine writes without spaces."""
    return len(json.dumps(resource, separators=(",", ":")))


def by_kind(
    resources: Iterable[Mapping[str, Any]], components: int
) -> Iterator[str]:
    """Yield a line for each type, the largest first: resources of a component, their bytes, and the
    bytes of their dependencies."""
    kinds: dict[str, list[Mapping[str, Any]]] = {}
    for resource in resources:
        kinds.setdefault(resource["type"], []).append(resource)
    yield f"{'per component':>13} {'KB':>6} {'of these dependencies':>22}"
    for kind, alike in sorted(
        kinds.items(), key=lambda item: -sum(map(size, item[1]))
    ):
        kilobytes = sum(map(size, alike)) / components / 1000
        dependencies = sum(map(_edges, alike)) / components / 1000
        yield f"{len(alike) / components:13.2f} {kilobytes:6.1f} {dependencies:22.1f} {kind}"


def _edges(resource: Mapping[str, Any]) -> int:
    """Return the bytes of a resource's dependencies."""
    names = ("dependencies", "propertyDependencies")
    return size({name: resource.get(name) for name in names})


def against(kind: str, seconds: float, before: Measured | None) -> str:
    """Return a run's measured costs."""
    if before is None:
        return ""
    limit = f", at most {AGAINST[kind]:g}" if kind in AGAINST else ""
    return (
        f" ({seconds / before.seconds[kind]:.2f} of the version before{limit})"
    )


if __name__ == "__main__":
    sys.exit(main())
