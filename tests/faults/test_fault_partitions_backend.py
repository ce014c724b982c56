"""An estate in partitions with states in PostgreSQL: up, a change, and a lost connection in the
middle."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.kong.http import Request, Response
from sandbox.local import STACK, Local
from tests.support.engine.deployment import AT_ONCE
from tests.support.engine.partitions import kong_oam, stack_of
from tests.support.faults.interruptions import (
    ALL,
    answers_as_meant,
    as_stack,
    assert_nothing_to_do,
    go_on,
    start_project,
    write,
)
from tests.support.faults.tiny import HOST, PROTECTED
from tests.support.faults.watch import Watch
from tests.support.postgresql import PASSWORD, PostgreSql, Wire

pytestmark = pytest.mark.timeout(900)


@pytest.mark.deep
def test_stacks_are_listed_however_many_there_are_on_however_few_processors(
    server: PostgreSql, tmp_path: Path
) -> None:
    """With one processor, the engine itself waits forever from the second stack on."""
    server.ask("DROP TABLE IF EXISTS pulumi_state")
    with Local() as local:
        local.env |= {"PULUMI_BACKEND_URL": server.url(), "GOMAXPROCS": "1"}
        deployment = start_project(local, tmp_path / "project")
        for number in range(11):
            deployment.pulumi("stack", "init", f"more-{number}", "--no-select")
        program = "from kong_oam.engine.stacks import list_stacks; print(len(list_stacks()))"
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=deployment.folder,
            env=local.env,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert int(done.stdout) >= 11


@pytest.mark.deep
@pytest.mark.parametrize(
    ("change", "nth", "seconds"),
    [("rule", 1, 3), ("rule", 2, 90), ("scope", 2, 90)],
)
def test_a_lost_connection_is_outlived_or_recovered(
    server: PostgreSql, tmp_path: Path, change: str, nth: int, seconds: float
) -> None:
    """The connection breaks after Kong's n-th change. After some seconds the same run continues;
    after a longer time the command runs again. If a lock is left, the documented recovery comes
    first. No object is lost, and none exists twice."""
    server.ask("DROP TABLE IF EXISTS pulumi_state")
    with Wire(server.port) as wire, Local(lags=AT_ONCE) as local:
        local.env["PULUMI_BACKEND_URL"] = server.url(wire.port)
        deployment = start_project(local, tmp_path / "project")
        kong_oam(deployment, "up", "-s", STACK, "--yes", status=0)
        assert_nothing_to_do(deployment)
        states = {
            f".pulumi/stacks/kong-oam/{stack_of(name)}.json" for name in ALL
        }
        assert states <= {*server.names()}
        write(deployment.folder, change)
        changes = iter(range(1, 1000))

        def counted(
            request: Request, answer: Callable[[], Response]
        ) -> Response:
            done = answer()
            if request.method != "GET" and next(changes) == nth:
                wire.cut()
                threading.Timer(seconds, wire.mend).start()
            return done

        local.kong.faults = counted
        with Watch(as_stack(deployment), ((HOST, PROTECTED),)) as watch:
            done = kong_oam(deployment, "up", "-s", STACK, "--yes")
            local.kong.faults = None
            assert next(changes) > nth, "it did not come to that"
            wire.mend()
            output = done.stdout + done.stderr + go_on(deployment, "up")
        assert done.returncode == (0 if seconds < 30 else 2), output
        assert watch.asked and not watch.let_in
        assert PASSWORD not in output
        assert_nothing_to_do(deployment)
        answers_as_meant(deployment)
        assert not [name for name in server.names() if "/locks/" in name]
