"""Fork servers of this process: Python programs of the engine fork from them instead of starting
anew.

Two servers exist, each with other hash seeds. Each run of a program forks from a random server. A
plan that depended on the order of a set would therefore differ between two runs.
"""

import atexit
import contextlib
import functools
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

SERVERS: Final = "KONG_OAM_FORK_SERVERS"
"""The environment variable with the servers' addresses; unset, every program starts anew."""
_COUNT: Final = 2
_CLIENT: Final = Path(__file__).with_name("forkclient.py")
_SERVER: Final = Path(__file__).with_name("forkserver.py")


@functools.cache
def start() -> str:
    """Start the servers, which end with this process, and return the value of `SERVERS`: empty with
    KONG_OAM_FORK=0."""
    if os.environ.get("KONG_OAM_FORK") == "0":
        return ""
    folder = Path(tempfile.mkdtemp(prefix="kong-oam-fork-"))
    addresses = [folder / str(number) for number in range(_COUNT)]
    environment = {
        key: value
        for key, value in os.environ.items()
        if key != "PYTHONHASHSEED"
    }
    servers = [
        subprocess.Popen(
            [sys.executable, "-P", str(_SERVER), str(address)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        for address in addresses
    ]
    atexit.register(_stop, servers, folder)
    for server in servers:
        assert server.stdout is not None
        server.stdout.readline()  # "ready", or empty if the server ended: then clients start anew
    return os.pathsep.join(map(str, addresses))


def _stop(servers: Sequence[subprocess.Popen[bytes]], folder: Path) -> None:
    for server in servers:
        assert server.stdin is not None
        server.stdin.close()
    for server in servers:
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(5)
        server.kill()
        assert server.stdout is not None
        server.stdout.close()
    shutil.rmtree(folder, ignore_errors=True)


def command(
    python: str, file: str, environment: Mapping[str, str] = os.environ
) -> list[str]:
    """Return the command that runs the Python program `file` by `python`; it forks if that is this
    interpreter."""
    servers = [
        server
        for server in environment.get(SERVERS, "").split(os.pathsep)
        if server
    ]
    if not servers or not _is_this(python):
        return [python, "-P", file]
    return [
        sys.executable,
        "-I",
        "-S",
        str(_CLIENT),
        random.choice(servers),
        file,
    ]


def _is_this(python: str) -> bool:
    """Return whether `python` is of the same virtual environment as this interpreter, and so has
    its libraries."""
    return (
        Path(python).parent.resolve() == Path(sys.executable).parent.resolve()
    )
