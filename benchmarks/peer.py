"""Cost of our program beside a flat program that a person writes by hand for the same components.

    python -m benchmarks.peer [--components 60] [--rounds 3] [--one-consumer]
    python -m benchmarks.peer --components 300 --partition 20 [--rounds 3]

Deploys Applications of three components (a guarded API, a job that calls it, a web client). The
flat program (`benchmarks/peer_program.py`) deploys the same pods, clients and routes in one stack,
on another sandbox. The engine is real; Kong, Okta, the cluster and the plugins are stand-ins.

The flat program decides less: Kong allows a client at an API for all paths and methods, and knows
no scopes, roles or users. With `--one-consumer` all clients are one consumer in Kong, so it allows
any client at any API.

CPU seconds include all processes of a run and the stand-ins; nothing is forked from running
processes. Both programs run in turn; short steps are medians. With `--partition`, our estate is in
partitions of so many components. Exits 1 if a limit is exceeded.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks import peer_program
from benchmarks.compile import exceeds
from benchmarks.conditions import as_users_run
from benchmarks.graph import (
    GROUPS,
    PER_APPLICATION,
    exported,
    size,
    spent,
    write,
)
from sandbox import project
from sandbox.local import ROOT, STACK, Local

LIMITS = {
    "resources": 1.8,
    "KB of state": 3.5,
    "CPU s: preview": 0.9,
    "CPU s: first up": 2.5,
    "CPU s: no change": 1.0,
    "CPU s: one rule changed": 0.9,
}
"""The most that ours may cost in one stack, as ratios to the flat program."""
PARTITIONED = 0.6
"""The most CPU of a run in partitions, as a ratio to the flat program in one stack."""
_PROJECT = "{name: flat, runtime: {name: python, options: {virtualenv: .venv}}}"


@dataclass
class Side:
    """One of the two programs. `change` writes its Applications, with or without a changed rule;
    `verb` runs a verb of the engine for all stacks."""

    change: Callable[[bool], None]
    verb: Callable[[str], None]
    resources: Callable[[], Sequence[dict[str, Any]]]
    measured: dict[str, list[float]] = field(default_factory=dict)

    def measure(self, step: str, verb: str) -> None:
        """Add the CPU seconds of a run to the step's."""
        with spent(self.measured.setdefault(f"CPU s: {step}", []).append):
            self.verb(verb)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--components", type=int, default=60)
    parser.add_argument(
        "--partition",
        type=int,
        default=0,
        help="components of each; without it, ours is in one stack, too",
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--one-consumer",
        action="store_true",
        help="the flat program has a consumer for all clients",
    )
    options = parser.parse_args()
    as_users_run()
    # Without bytecode each start takes twice as long.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    applications = options.components // PER_APPLICATION
    each = round(options.partition / PER_APPLICATION)
    with (
        our_side(applications, each) as ours,
        peer_side(applications, one_consumer=options.one_consumer) as peer,
    ):
        compare((ours, peer), options.rounds, preview=not each)
    limits = (
        {step: PARTITIONED for step in LIMITS if step.startswith("CPU")}
        if each
        else LIMITS
    )
    values = {}
    print(
        f"{options.components} components"
        f"{f', ours in partitions of {options.partition}' if each else ''}\n"
        f"{'ours':>8} {'flat':>8} {'ratio':>8}"
    )
    for name, numbers in peer.measured.items():
        mine, theirs = map(statistics.median, (ours.measured[name], numbers))
        most = limits.get(name)
        print(
            f"{mine:8.1f} {theirs:8.1f} {mine / theirs:8.2f} {name}"
            f"{f' (at most {most:g})' if most else ''}"
        )
        if most:
            values[name] = mine / theirs
    return int(exceeds(values, limits))


def compare(sides: Sequence[Side], rounds: int, *, preview: bool) -> None:
    """Run all steps on both sides in turn."""
    for side in sides:
        side.change(False)
    for _ in range(rounds if preview else 0):
        for side in sides:
            side.measure("preview", "preview")
    deployed = []
    for side in sides:
        side.measure("first up", "up")
        resources = side.resources()
        side.measured["resources"] = [len(resources)]
        side.measured["KB of state"] = [sum(map(size, resources)) / 1000]
        deployed.append(modified(resources))
    for _ in range(rounds):
        for side in sides:
            side.measure("no change", "up")
    for side, before in zip(sides, deployed, strict=True):
        if modified(side.resources()) != before:
            raise RuntimeError("a run without a change updates resources")
    for number in range(rounds):
        for side in sides:
            side.change(not number % 2)
            side.measure("one rule changed", "up")


def modified(resources: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return the time of the last change of each resource, by URN."""
    return {
        resource["urn"]: resource["modified"]
        for resource in resources
        if resource.get("custom")
    }


@contextmanager
def our_side(applications: int, each: int) -> Iterator[Side]:
    """Yield our program, with so many Applications in each partition; 0 for one stack."""
    with opened() as (root, local):
        project.project(root)
        for file in (root / "applications").iterdir():
            file.unlink()
        names = range(1, applications + 1)
        stacks = [STACK]
        if each:
            teams = {}
            for first in names[::each]:
                part = names[first - 1 : first - 1 + each]
                teams[f"p{first:03}"] = [f"team{number}" for number in part]
            project.set_value(root, "partitions", teams)
            stacks += [f"{STACK}-{name}" for name in teams]
        for number in names:
            write(root, number)

        def change(changed: bool) -> None:
            write(root, applications, reading="write" if changed else "read")

        def in_partitions(verb: str) -> None:
            subprocess.run(
                [sys.executable, "-m", "kong_oam", verb, "-s", STACK, "--yes"],
                cwd=root,
                env=local.env,
                stdout=subprocess.DEVNULL,
                check=True,
            )

        def resources() -> list[dict[str, Any]]:
            made = []
            for stack in stacks:
                made += exported(local, root, stack)
            return made

        local.pulumi("stack", "init", "-s", STACK, cwd=root)
        one_stack = in_one_stack(local, root)
        yield Side(change, in_partitions if each else one_stack, resources)


@contextmanager
def peer_side(
    applications: int, *, one_consumer: bool = False
) -> Iterator[Side]:
    """Yield the flat program in one stack."""
    with opened() as (root, local):
        (root / "Pulumi.yaml").write_text(_PROJECT)
        (root / ".venv").symlink_to(ROOT / ".venv")
        (root / "issuer.pem").write_text(public_key())
        shutil.copy(peer_program.__file__, root / "__main__.py")

        def change(changed: bool) -> None:
            listed = []
            for number in range(1, applications + 1):
                last = changed and number == applications
                listed += services(number, changed=last)
            if one_consumer:
                for service in listed:
                    if groups := service.get("groups"):
                        service["groups"] = ["okta", *groups]
            claim = "iss" if one_consumer else "cid"
            settings = {"claim": claim, "services": listed}
            (root / "services.yaml").write_text(yaml.safe_dump(settings))

        local.pulumi("stack", "init", "-s", STACK, cwd=root)
        yield Side(
            change, in_one_stack(local, root), lambda: exported(local, root)
        )


@contextmanager
def opened() -> Iterator[tuple[Path, Local]]:
    """Yield a new folder and a sandbox."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        yield (
            Path(folder),
            stack.enter_context(Local(groups=GROUPS, users=())),
        )


def in_one_stack(local: Local, root: Path) -> Callable[[str], None]:
    """Return a function that runs a verb of the engine."""

    def run(verb: str) -> None:
        flags = ("--yes", "--skip-preview") if verb == "up" else ()
        local.pulumi(verb, *flags, "-s", STACK, cwd=root, timeout=7200)

    return run


def public_key() -> str:
    """Return a public key in PEM. The person copies the issuer's key into the project."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return (
        key.public_key()
        .public_bytes(
            serialization.Encoding.PEM,
            serialization.PublicFormat.SubjectPublicKeyInfo,
        )
        .decode()
    )


def services(number: int, *, changed: bool = False) -> list[dict[str, Any]]:
    """Return the three components of `benchmarks.compile.APPLICATION`, as the flat program reads
    them. `changed`: clients for reading may no longer call the API."""
    app = f"app{number}"
    common = {"namespace": f"team{number}"}
    reading = f"{app}.read"
    writing = f"{app}.write"
    return [
        {
            **common,
            "name": f"{app}-api",
            "image": f"registry.example.com/{app}:1.0",
            "ports": [8080],
            "resources": {"cpu": "500m", "memory": "256Mi"},
            "env": {"MODE": "live", "REGION": "north"},
            "domain": f"{app}.example.com",
            "path": "/items",
            "scopes": {reading: "Read items", writing: "Change items"},
            "groups": [writing] if changed else [reading, writing],
        },
        {
            **common,
            "name": f"{app}-job",
            "image": f"registry.example.com/job{number}:1.0",
            "client": {"scopes": [reading], "calls": [reading]},
        },
        {
            **common,
            "name": f"{app}-web",
            "image": f"registry.example.com/web{number}:1.0",
            "ports": [3000],
            "domain": f"web{number}.example.com",
            "path": "/",
            "client": {
                "redirects": [f"https://web{number}.example.com/callback"],
                "groups": [*GROUPS],
                "scopes": [reading, writing],
                "calls": [writing],
            },
        },
    ]


if __name__ == "__main__":
    sys.exit(main())
