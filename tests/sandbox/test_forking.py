"""A forked program runs like a started program, only faster."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from sandbox import forking

PROGRAM = """
import json, os, sys
print(json.dumps({
    "arguments": sys.argv[1:],
    "folder": os.getcwd(),
    "environment": os.environ.get("WHO"),
    "input": sys.stdin.read(),
    "path": [one for one in sys.path if "site-packages" not in one and "lib/python" not in one],
    "modules": sorted(name for name in sys.modules if name.split(".")[0] in ("sandbox", "kong_oam", "components")),
    "leads": os.getsid(0) == os.getpid(),
    "libraries": "pulumi" in sys.modules,
}))
print("and this", file=sys.stderr)
sys.exit(int(os.environ.get("STATUS", "0")))
"""


@pytest.fixture
def servers() -> Mapping[str, str]:
    return {forking.SERVERS: forking.start()}


def _run(
    folder: Path,
    servers: Mapping[str, str],
    program: str = PROGRAM,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    file = folder / "program.py"
    file.write_text(program)
    command = [*forking.command(sys.executable, str(file), servers), "a", "b c"]
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        input="given",
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_a_fork_without_buffers_writes_at_once(
    tmp_path: Path, servers: Mapping[str, str]
) -> None:
    """A policy pack writes its port as bytes, without a flush, and the engine waits for the port."""
    program = "import os, sys; sys.stdout.buffer.write(b'port'); os._exit(0)"
    completed = _run(tmp_path, servers, program, PYTHONUNBUFFERED="1")
    assert completed.stdout == "port"


@pytest.mark.parametrize("status", ["0", "32", "255"])
def test_a_fork_has_its_clients_environment(
    tmp_path: Path, servers: Mapping[str, str], status: str
) -> None:
    """Arguments, folder, environment, streams and exit status; and the libraries, but nothing of this project."""
    completed = _run(tmp_path, servers, WHO="me", STATUS=status)
    assert (str(completed.returncode), completed.stderr) == (
        status,
        "and this\n",
    )
    report = json.loads(completed.stdout)
    assert report.pop("modules") == []
    assert report == {
        "arguments": ["a", "b c"],
        "folder": str(tmp_path),
        "environment": "me",
        "input": "given",
        "path": [],
        "leads": True,
        "libraries": True,
    }


def test_without_a_server_a_program_is_started(tmp_path: Path) -> None:
    """After its folder was removed, or with the exports of a sandbox that has ended."""
    gone = {forking.SERVERS: str(tmp_path / "gone")}
    for servers in (gone, {}):
        completed = _run(tmp_path, servers, WHO="me", STATUS="3")
        assert completed.returncode == 3
        assert json.loads(completed.stdout)["libraries"] is False


@pytest.mark.deep
def test_two_runs_have_hash_seeds_of_their_own(
    tmp_path: Path, servers: Mapping[str, str]
) -> None:
    """A plan that depended on the order of a set would show."""
    hashes = {
        _run(tmp_path, servers, "print(hash('a'))").stdout for _ in range(40)
    }
    assert len(hashes) == 2


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL]
)
def test_a_fork_ends_with_its_client(
    tmp_path: Path, servers: Mapping[str, str], number: int
) -> None:
    """For any end of the client, which is the process that the engine starts and ends."""
    file = tmp_path / "program.py"
    file.write_text(
        "import os, sys, time\nprint(os.getpid(), flush=True)\ntime.sleep(60)\n"
    )
    command = forking.command(sys.executable, str(file), servers)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as client:
        assert client.stdout is not None
        forked = int(client.stdout.readline())
        client.send_signal(number)
        client.wait(10)
    until = time.monotonic() + 10
    while _is_there(forked):
        assert time.monotonic() < until, "the fork goes on"
        time.sleep(0.05)


def _is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
        status = Path(f"/proc/{process}/stat").read_text()
    except ProcessLookupError:
        return False
    except FileNotFoundError:  # it ended in between, or the system has no /proc
        return not Path("/proc").exists()
    return ") Z " not in status
