"""An estate in two partitions, interrupted or parallel commands over its stacks, and their
recovery."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sandbox.local import STACK, Local
from tests.support.engine.calls import service_token
from tests.support.engine.deployment import (
    Deployment,
    project,
    remove_applications,
)
from tests.support.engine.partitions import changes, kong_oam, partition
from tests.support.faults.blackout import recover_stack
from tests.support.faults.stacks import Stack
from tests.support.faults.tiny import HOST, PROTECTED, PUBLIC, TINY
from tests.support.faults.watch import poor_token

T = TypeVar("T")

PARTITIONS = {"apis": ["apis"], "jobs": ["jobs"]}
SWAPPED = {"apis": ["jobs"], "jobs": ["apis"]}
ALL = (None, *PARTITIONS)
_SPLIT = "    - name: job"
_PLUGINS_END = 0.7
"""Seconds. Plugins look for their parent every half second (sandbox/serving.py)."""
_ENDS = 120.0
"""Seconds within which all children of a command end."""
LOCKED = re.compile(rf"/locks/\S*/({STACK}[a-z-]*)/\S+\.json")
"""The lock's file in the engine's message, with the stack's name."""

LOCK = (
    "the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file "
    "with `pulumi cancel`."
)


@dataclass(frozen=True, slots=True)
class Interruption:
    """An interruption of a command: a signal to the command alone, or to all its children too
    (`everybody`), after a part of its work. `back`: the change is reverted before the next
    command."""

    verb: str
    change: str
    number: signal.Signals
    everybody: bool
    when: float
    back: bool


def cuts(seed: int) -> Interruption:
    """Return an interruption by its seed: nine in a row have each command with each signal."""
    rng = random.Random(7 + seed)
    verb, change = (("up", "rule"), ("up", "scope"), ("move", "swap"))[seed % 3]
    number, everybody = (
        (signal.SIGINT, False),
        (signal.SIGKILL, False),
        (signal.SIGKILL, True),
    )[seed // 3 % 3]
    return Interruption(
        verb, change, number, everybody, rng.random(), seed % 4 == 3
    )


def write(folder: Path, change: str = "") -> None:
    """Write the Applications and the stacks' files: in their first form, or with a change."""
    api, job = (
        TINY[: TINY.index(_SPLIT)],
        TINY[: TINY.index("    - name: api")] + TINY[TINY.index(_SPLIT) :],
    )
    api = api.replace("{name: tiny}", "{name: tiny, namespace: apis}").replace(
        "tiny/job", "job/job"
    )
    job = job.replace("{name: tiny}", "{name: job, namespace: jobs}")
    match change:
        case "rule":
            api = api.replace(
                "methods: [GET], scopes", "methods: [GET, POST], scopes"
            )
        case "both":
            api = api.replace(
                "methods: [GET], scopes", "methods: [GET, POST], scopes"
            )
            job = job.replace(
                "image: registry.example.com/job",
                "image: registry.example.com/job:2",
            )
        case "scope":
            granted = "scopes: [things.read, things.view]"
            api = api.replace(
                "{things.read: Read things}",
                "{things.read: Read things, things.view: View things}",
            ).replace("reader: {scopes: [things.read]", f"reader: {{{granted}")
            job = job.replace("scopes: [things.read]", granted)
    remove_applications(folder)
    for name, text in (("api", api), ("job", job)):
        (folder / "applications" / f"{name}.yaml").write_text(text, "utf-8")
    partition(folder, SWAPPED if change == "swap" else PARTITIONS)


def start_project(local: Local, folder: Path) -> Deployment:
    """Return the estate's project with only the base's stack."""
    folder.mkdir()
    deployment = Deployment(local, project(folder))
    deployment.pulumi("stack", "init", STACK)
    write(folder)
    return deployment


def as_stack(deployment: Deployment) -> Stack:
    """Return the base's stack in the form of the other fault tests."""
    return Stack(deployment.local, deployment.folder)


def start_command(deployment: Deployment, *words: str) -> subprocess.Popen[str]:
    """Start a verb of the command line in its own session."""
    return subprocess.Popen(
        [sys.executable, "-m", "kong_oam", *words],
        cwd=deployment.folder,
        env=deployment.local.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


class Requests:
    """Count the requests to Kong and Okta in a block, and act before the answer to the n-th
    request."""

    def __init__(
        self,
        local: Local,
        nth: int = 0,
        do: Callable[[], object] = lambda: None,
    ) -> None:
        self._local, self._nth, self._do = local, nth, do
        self._lock = threading.Lock()
        self.count = 0

    def __enter__(self) -> Requests:
        self._local.kong.faults = lambda _, answer: self._pass(answer)
        self._local.okta.faults = lambda _, __, answer: self._pass(answer)
        return self

    def __exit__(self, *_: object) -> None:
        self._local.kong.faults = self._local.okta.faults = None

    def _pass(self, answer: Callable[[], T]) -> T:
        with self._lock:
            self.count += 1
            if self.count == self._nth:
                self._do()
        return answer()


def interrupt(
    deployment: Deployment, cut: Interruption, seconds: float, requests: int
) -> str:
    """Run the command until it is cut off, and wait for its surviving children. Return its output
    until then.

    A part of an `up` is one of its `requests`. A part of a `move`, which calls no product, is one
    of its `seconds`.
    """
    nth = 1 + int(cut.when * requests) if cut.verb == "up" else 0
    running: list[subprocess.Popen[str]] = []

    def stop() -> None:
        for process in (
            [*_session(running[0].pid)] if cut.everybody else [running[0].pid]
        ):
            _send(process, cut.number)

    with Requests(deployment.local, nth, stop) as asked:
        running.append(
            start_command(deployment, cut.verb, "-s", STACK, "--yes")
        )
        try:
            output, _ = running[0].communicate(
                timeout=_ENDS if nth else cut.when * seconds
            )
        except subprocess.TimeoutExpired:
            stop()
            output, _ = running[0].communicate(timeout=_ENDS)
        ended(running[0])
    assert asked.count >= nth, (
        f"it did not come to request {nth} of {asked.count}"
    )
    return output


def kill(running: subprocess.Popen[str]) -> None:
    """Kill a command with all its children, like a power failure."""
    for process in _session(running.pid):
        _send(process, signal.SIGKILL)
    running.communicate(timeout=_ENDS)
    ended(running)


def ended(running: subprocess.Popen[str]) -> None:
    """Wait until no process of a command is left. Raises AssertionError where this takes too long."""
    until = time.monotonic() + _ENDS
    while left := [*_session(running.pid)]:
        assert time.monotonic() < until, f"{left} do not end"
        time.sleep(0.1)
    time.sleep(_PLUGINS_END)


def _session(leader: int) -> Iterator[int]:
    """Yield the running processes of a session."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _, _, session = (
                    (entry / "stat").read_text().rpartition(")")[2].split()[:4]
                )
            except OSError:
                continue
            if int(session) == leader and state != "Z":
                yield int(entry.name)


def _send(process: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, number)


def go_on(deployment: Deployment, *verbs: str) -> str:
    """Repeat each command until it completes, as the page says: locks of a dead run are recovered
    in between. Return their output."""
    printed = ""
    for verb in verbs:
        for _ in range(4):
            done = kong_oam(deployment, verb, "-s", STACK, "--yes")
            output = done.stdout + done.stderr
            printed += output
            assert "Traceback" not in output, output
            locked = {*LOCKED.findall(output)}
            if not locked:
                break
            assert LOCK in output, output
            for name in sorted(locked):
                recover_stack(Stack(deployment.local, deployment.folder, name))
        assert done.returncode == 0, printed
    return printed


def assert_nothing_to_do(deployment: Deployment) -> None:
    """Check that no stack has a run or a move to do, and every preview is empty. Raises
    AssertionError."""
    kong_oam(deployment, "move", "-s", STACK, status=0)
    listed = kong_oam(deployment, "up", "-s", STACK)
    assert listed.stdout.startswith("nothing to run"), listed.stdout
    assert {name: changes(deployment, "preview", name) for name in ALL} == {
        name: {} for name in ALL
    }


def ids(deployment: Deployment) -> dict[str, set[str]]:
    """Return the ids of each component's entities in Kong."""
    return {
        kind: {
            str(entity["id"]) for entity in deployment.local.kong.entities(kind)
        }
        for kind in ("services", "routes", "plugins")
    }


def answers_as_meant(deployment: Deployment) -> None:
    """Check that only the client with the scope is allowed. Raises AssertionError."""
    stack = as_stack(deployment)
    asked = [
        (PROTECTED, None),
        (PROTECTED, poor_token(stack)),
        (PROTECTED, service_token(deployment.local, "job")),
        (PUBLIC, None),
    ]
    assert [
        stack.status("GET", HOST, path, token) for path, token in asked
    ] == [
        401,
        403,
        200,
        200,
    ]
