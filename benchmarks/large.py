"""An estate of any size in partitions on the sandbox, and the cost of its runs: for
`benchmarks.estate`.

Ten components are four Applications: three of `benchmarks.compile` with three components each, and
a workload without access. They share groups, because Okta puts at most 100 groups into a token. The
Application of number 0, which is added later, has separate groups.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import yaml

from benchmarks.backends import bytes_written
from benchmarks.compile import APPLICATION
from benchmarks.requests import Heard
from sandbox import project
from sandbox.kong import Lags
from sandbox.local import STACK, Local

TEN = 4
"""Applications of ten components."""
ALONE = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{name: app{n}, namespace: team{n}}}
spec:
  components:
    - name: worker
      type: worker
      properties: {{image: "registry.example.com/worker{n}:1.0"}}
"""
GROUPS = 20
"""Pairs of groups, for any number of Applications."""
ROTATED = datetime.timedelta(days=31)
"""Days until the first client, which gets a new key each 30 days, is due; no other client is due
then."""
_SUMMARY = re.compile(
    r"^(?:\[[\w-]+\] )?\s+[+~-]+\s*(\d+) (created|updated|replaced|deleted)\b",
    re.M,
)


def groups(number: int) -> tuple[str, str]:
    """Return the groups that the Application of a number names."""
    pair = number and number % GROUPS + 1
    return f"readers-{pair}", f"writers-{pair}"


@dataclass
class Run:
    """The cost of a command: CPU seconds of all its processes and of the stand-ins, wall seconds,
    bytes written, operations on resources, and requests."""

    cpu: float = 0.0
    stand_ins: float = 0.0
    wall: float = 0.0
    written: int = 0
    operations: Counter[str] = field(default_factory=Counter)
    heard: Heard = field(default_factory=Heard)

    @property
    def requests(self) -> dict[str, int]:
        """By product, requests of the program and of the plugins together."""
        return dict(sorted((self.heard.ours + self.heard.plugins).items()))


class WalkError(Exception):
    """A step of the walk had an unexpected result."""


@dataclass
class Large:
    """An estate of so many components, a multiple of ten, in partitions of a size; 0 for one stack.
    `runs` has the cost of each step."""

    local: Local
    root: Path
    components: int
    partition: int
    tell: Callable[[str, Run], None]
    runs: dict[str, Run] = field(default_factory=dict)

    @property
    def applications(self) -> int:
        return self.components // 10 * TEN

    @property
    def settings(self) -> dict[str, Any]:
        """The stacks of the estate, by name."""
        config = yaml.safe_load(
            project.stack_file(self.root).read_text("utf-8")
        )["config"]
        return {
            name.removeprefix("kong-oam:"): value
            for name, value in config.items()
        }

    @property
    def partitions(self) -> dict[str, list[str]]:
        """The namespaces of each partition, by name. The first has the namespace of the Application
        of number 0, which is added later."""
        return self.settings.get("partitions", {})

    def kong_oam(self, *arguments: str, status: int | None = 0) -> str:
        """Run a verb of the command line. Raises WalkError for another status; None: any status."""
        done = subprocess.run(
            [sys.executable, "-m", "kong_oam", *arguments],
            cwd=self.root,
            env=self.local.env,
            capture_output=True,
            text=True,
        )
        if status not in (None, done.returncode):
            errors = "\n".join(
                line for line in done.stdout.splitlines() if "error" in line
            )
            raise WalkError(
                f"{' '.join(arguments)} ended with "
                f"{done.returncode}:\n{errors[-6000:]}\n{done.stderr}"
            )
        return done.stdout

    def pulumi(self, *arguments: str) -> str:
        return self.local.pulumi(*arguments, cwd=self.root, timeout=7200).stdout

    def resources(self, *flags: str) -> Iterator[dict[str, Any]]:
        """Return the states of all stacks, as `pulumi stack export` prints them with these flags,
        the base's first."""
        for name in (
            STACK,
            *(f"{STACK}-{partition}" for partition in self.partitions),
        ):
            deployment = json.loads(
                self.pulumi("stack", "export", *flags, "-s", name)
            )["deployment"]
            yield from deployment.get("resources") or ()

    def up(self, *arguments: str) -> str:
        return self.kong_oam("up", "-s", STACK, "--yes", *arguments)

    def as_meant(self) -> None:
        """Raise WalkError if a run has work left, or a gate decides differently from the model."""
        self.kong_oam("up", "-s", STACK)
        self.kong_oam("verify", "--stack", STACK, "--only", "gateway")

    @contextmanager
    def step(self, name: str) -> Iterator[Callable[[str], None]]:
        """Record the work of the block as a named run; the yielded function takes the output."""
        run = self.runs[name] = Run()
        self.local.okta.heard = run.heard.to("okta")
        self.local.kong.faults = run.heard.passing

        def printed(text: str) -> None:
            for count, operation in _SUMMARY.findall(text):
                run.operations[operation] += int(count)

        start = time.monotonic()
        written = bytes_written(None)
        before = os.times()
        yield printed
        after = os.times()
        self.local.okta.heard = self.local.kong.faults = None
        run.written = bytes_written(None) - written
        run.wall = time.monotonic() - start
        run.stand_ins = sum(after[:2]) - sum(before[:2])
        run.cpu = sum(after[2:4]) - sum(before[2:4]) + run.stand_ins
        self.tell(name, run)

    def write(self, number: int) -> None:
        """Return the Application of a number."""
        text = (APPLICATION if number % TEN or not number else ALONE).format(
            n=number
        )
        for name, group in zip(
            ("readers", "writers"), groups(number), strict=True
        ):
            text = text.replace(f"groups: [{name}]", f"groups: [{group}]")
        if number == 1:  # the client for the rotation
            text = text.replace(
                "kind: service\n",
                "kind: service\n            rotateEvery: 30d\n",
            )
        self._file(number).write_text(text)

    def edit(self, number: int, old: str, new: str) -> None:
        text = self._file(number).read_text()
        if old not in text:
            raise WalkError(f"{old!r} is not in {self._file(number).name}")
        self._file(number).write_text(text.replace(old, new))

    def set(self, **values: object) -> None:
        """Write settings of the estate."""
        for name, value in values.items():
            project.set_value(self.root, name, value)

    def _file(self, number: int) -> Path:
        return self.root / "applications" / f"app{number:05}.yaml"


@contextmanager
def sandbox_of(components: int) -> Iterator[Local]:
    """Start a sandbox with the groups of an estate of so many components, and a backend as teams
    use it."""
    applications = components // 10 * TEN
    names = chain.from_iterable(map(groups, range(applications + 1)))
    with Local(lags=Lags(), groups=dict.fromkeys(names), users=()) as local:
        del local.env["PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS"]
        yield local


@contextmanager
def large(
    components: int,
    partition: int,
    *,
    settings: Mapping[str, str] = MappingProxyType({}),
    tell: Callable[[str, Run], None] = lambda *_: None,
) -> Iterator[Large]:
    """Yield an estate of so many components before its first deployment. `settings` are environment
    variables."""
    applications = components // 10 * TEN
    os.environ.pop(
        "PYTHONDONTWRITEBYTECODE", None
    )  # without bytecode each start takes twice as long
    with (
        tempfile.TemporaryDirectory() as folder,
        sandbox_of(components) as local,
    ):
        root = project.project(Path(folder))
        for file in (root / "applications").iterdir():
            file.unlink()
        local.env |= settings
        estate = Large(local, root, components, partition, tell)
        for number in range(1, applications + 1):
            estate.write(number)
        if partition:
            estate.set(
                partitions=_partitions(applications, partition // 10 * TEN)
            )
        local.pulumi("stack", "init", "-s", STACK, cwd=root)
        yield estate


def _partitions(applications: int, size: int) -> dict[str, list[str]]:
    """Return the teams of each partition; the team of an added Application is in the first."""
    partitions = {}
    for index, first in enumerate(range(1, applications + 1, size), 1):
        teams = [f"team{number}" for number in range(first, first + size)]
        partitions[f"p{index:03}"] = ["team0", *teams] if index == 1 else teams
    return partitions


def measure(estate: Large) -> None:
    """Run a first `up`, another, a run with a changed rule, and a run with an added Application
    whose name sorts first."""
    with estate.step("first up") as printed:
        printed(estate.up())
    with estate.step("nothing changed"):
        estate.up()
    with estate.step("verify"):
        estate.kong_oam("verify", "--stack", STACK, "--only", "gateway")
    last = estate.applications - 1
    estate.edit(
        last,
        f"methods: [GET], scopes: [app{last}.read]",
        f"methods: [GET], scopes: [app{last}.write]",
    )
    with estate.step("one rule changed: preview"):
        estate.kong_oam("preview", "-s", STACK)
    with estate.step("one rule changed: up") as printed:
        printed(estate.up())
    estate.write(0)
    with estate.step("an Application added") as printed:
        printed(estate.up())


def walk(estate: Large) -> None:
    """Continue after `measure` with the remaining steps. Raises WalkError after an unexpected
    result.

    An Application moves to another partition, and the due client is rotated. An `up` is
    interrupted, recovered by `recover` and repeated. Then all is destroyed.
    """
    estate.as_meant()
    _move(estate)
    _rotate(estate)
    _interrupt(estate)
    with estate.step("destroyed") as printed:
        printed(estate.kong_oam("destroy", "-s", STACK, "--yes"))
    if left := [
        *_entities(estate),
        *(resource["urn"] for resource in estate.resources()),
    ]:
        raise WalkError(f"destroy left {', '.join(left)}")


def _move(estate: Large) -> None:
    """Move the first Application of the second partition to the first partition."""
    partitions = estate.partitions
    first, second = [*partitions][:2]
    moved = partitions[second].pop(0)
    partitions[first].append(moved)
    estate.set(partitions=partitions)
    with estate.step("an Application moved"):
        listed = estate.kong_oam("move", "-s", STACK, status=1)
        estate.kong_oam("move", "-s", STACK, "--yes")
    if f"/api: {STACK}-{second} -> {STACK}-{first}" not in listed:
        raise WalkError(f"move listed something else:\n{listed}")
    with estate.step("up after the move") as printed:
        printed(estate.up())
    estate.as_meant()


def _rotate(estate: Large) -> None:
    day = datetime.date.fromisoformat(estate.settings["asOf"])
    estate.set(asOf=(day + ROTATED).isoformat())
    with estate.step("one client rotated") as printed:
        done = estate.up()
        printed(done)
    if (
        f"2 of {len(estate.partitions) + 1}" in done
        or "credentials: app1/job at okta: generation 2" not in done
    ):
        raise WalkError(
            f"another run than that of the client's stack, or no rotation:\n{done[-2000:]}"
        )
    estate.as_meant()


def _interrupt(estate: Large) -> None:
    """Interrupt a change in up to four partitions at its first operation, as by Ctrl-C."""
    size = estate.partition // 10 * TEN
    for number in [*range(2, estate.applications, size)][:4]:
        estate.edit(
            number,
            "- {name: MODE, value: live}",
            "- {name: MODE, value: other}",
        )
        estate.edit(
            number, "methods: [POST, PUT, DELETE]", "methods: [POST, PUT]"
        )
    with estate.step("interrupted"):
        _cut_off(estate)
    for stack in _outdated(estate):
        with estate.step(f"recovered {stack}"):
            output = estate.kong_oam(
                "recover", "-s", stack, "--remove", status=None
            )
            if "refresh" in output:
                estate.pulumi(
                    "refresh",
                    "-s",
                    stack,
                    "--yes",
                    "--skip-preview",
                    "--clear-pending-creates",
                )
    with estate.step("gone on") as printed:
        printed(estate.up())
    estate.as_meant()


def _cut_off(estate: Large) -> None:
    command = [sys.executable, "-m", "kong_oam", "up", "-s", STACK, "--yes"]
    with subprocess.Popen(
        command,
        cwd=estate.root,
        env=estate.local.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if re.search(r"\bupdating \(", line):
                os.killpg(
                    running.pid, signal.SIGINT
                )  # as a terminal does: all processes get it
                break
        output = running.stdout.read()
    if not running.returncode:
        raise WalkError(
            f"the run came to its end although it was interrupted:\n{output[-2000:]}"
        )


def _outdated(estate: Large) -> list[str]:
    """Return the stacks that `up` lists."""
    first = estate.kong_oam("up", "-s", STACK, status=1).splitlines()[0]
    return first.partition(": ")[2].split(", ")


def _entities(estate: Large) -> Iterator[str]:
    """Return the entities of the estate that are left in Kong."""
    for kind in ("services", "routes", "plugins", "consumers", "upstreams"):
        answer = httpx.get(
            f"{estate.local.kong.admin_url}/{kind}",
            headers={"Kong-Admin-Token": estate.local.env["KONG_ADMIN_TOKEN"]},
        )
        for entity in answer.raise_for_status().json()["data"]:
            yield f"{kind} {entity.get('name') or entity['id']}"
