"""The language host, as a user of the CLI sees it."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.sandbox.engine_project import Project, wait

pytestmark = pytest.mark.engine


def test_a_failing_program_fails_the_run_and_shows_why(
    project: Callable[[str], Project],
) -> None:
    """Its traceback is shown, the exit code is not 0."""
    failed = project("print('first'); raise ValueError('the reason')").up(
        check=False
    )
    assert failed.returncode != 0
    assert "ValueError: the reason" in failed.stdout


def test_an_interrupted_up_ends_the_program(
    project: Callable[[str], Project], tmp_path: Path
) -> None:
    """Ctrl-C at the CLI: the program's process also ends soon."""
    mark = tmp_path / "pid"
    sleeper = project(
        f"import os, pathlib, time; pathlib.Path({str(mark)!r}).write_text(str(os.getpid())); time.sleep(600)"
    )
    command = ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive"]
    with subprocess.Popen(
        command,
        cwd=sleeper.folder,
        env=sleeper.local.env,
        stdout=subprocess.DEVNULL,
    ) as cli:
        wait(lambda: mark.exists() and mark.read_text() != "")
        for _ in range(2):  # the first signal asks, the second insists
            cli.send_signal(signal.SIGINT)
            time.sleep(0.5)
        cli.wait(20)
    wait(
        lambda: (
            not Path(f"/proc/{mark.read_text()}").exists()
            if os.name == "posix"
            else True
        )
    )
