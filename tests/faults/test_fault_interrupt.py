"""A run that somebody ends with Ctrl-C, once and twice: its messages, and the remaining work."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable

import pytest

from sandbox.kong.http import Request, Response
from tests.support.documentation import page
from tests.support.faults.stacks import Empty, Stack, object_counts, within
from tests.support.faults.tiny import TINY

Answer = Callable[[], Response]


def _interrupted(stack: Stack, times: int) -> str:
    """Return the output of an `up` that is interrupted so often, half a second apart, while Kong
    has not answered a change."""
    asked, answered = threading.Event(), threading.Event()

    def held(request: Request, answer: Answer) -> Response:
        if request.method == "PATCH" and not asked.is_set():
            asked.set()
            answered.wait(30)
        return answer()

    stack.local.kong.faults = held
    command = [
        "pulumi",
        "up",
        "--yes",
        "--skip-preview",
        "--stack",
        stack.name,
        "--non-interactive",
    ]
    running = subprocess.Popen(
        command,
        cwd=stack.folder,
        env=stack.local.env,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        within(60, asked.is_set)
        for _ in range(times):
            os.killpg(
                running.pid, signal.SIGINT
            )  # like a terminal: all its processes get the signal
            time.sleep(0.5)
    finally:
        answered.set()
    output, _ = running.communicate(timeout=60)
    stack.local.kong.faults = None
    assert running.returncode != 0
    return output


def _changed(empty: Empty) -> Stack:
    """Return a deployed stack with an edited rule."""
    stack = empty(applications=[TINY])
    stack.run("up")
    stack.edit(
        "applications/app0.yaml",
        "[GET], scopes: [things.read]",
        "[GET, POST], scopes: [things.read]",
    )
    return stack


def _outputs(stack: Stack) -> str:
    return stack.pulumi("stack", "output", "--json").stdout


@pytest.mark.deep
def test_outputs_that_an_interrupted_run_shows_as_deleted_are_there(
    empty: Empty,
) -> None:
    """The output is as the page shows; no lock is left, and the next run continues."""
    stack = _changed(empty)
    before = _outputs(stack)
    output = _interrupted(stack, 1)
    shown = (
        page("how-to/when-a-run-fails.md")
        .partition("terminate immediately, press")[2]
        .partition("\n\n")[0]
    )
    assert [
        line
        for line in shown.splitlines()[1:]
        if line.strip() not in output and line.strip() != "..."
    ] == []
    ends = {
        line.strip()
        for line in output.partition("\nDiagnostics:\n")[2].splitlines()
        if line.startswith("    error: ")
    }
    assert (
        ends
        and [
            end for end in ends if end not in page("how-to/when-a-run-fails.md")
        ]
        == []
    )
    assert _outputs(stack) == before
    assert stack.changes("up") and stack.changes("up") == {}


@pytest.mark.deep
def test_a_run_interrupted_twice_loses_pending_operations(
    empty: Empty,
) -> None:
    """The output says so, as the page shows, and the documented commands complete the work."""
    stack = _changed(empty)
    before, things = _outputs(stack), object_counts(stack.local)
    output = _interrupted(stack, 2)
    for message in (
        "^C received; terminating",
        "kong:index:Plugin tiny/api-8080-admission updating (interrupted)",
    ):
        assert message in output and message in page(
            "how-to/when-a-run-fails.md"
        )
    assert _outputs(stack) == before
    stack.pulumi(
        "cancel", "--yes", check=False
    )  # the lock's line, if a lock was left
    assert stack.module("kong_oam", "recover", "-s", stack.name).returncode == 0
    stack.run("refresh", "--clear-pending-creates")
    assert stack.changes("up") and stack.changes("up") == {}
    assert object_counts(stack.local) == things
