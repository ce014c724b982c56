"""A server program, started for one run: it ends when this process ends, for any reason."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

# The shell becomes the server. A process beside it ends both at the end of standard input, which
# the parent holds open.
_WHILE_ASKED_FOR: Final = (
    "exec 3<&0; (cat <&3 >/dev/null; kill -TERM 0) 2>/dev/null & "
    'exec "$@" </dev/null 3<&-'
)
_STOPPED: Final = 20.0  # seconds
_OWN: Final = range(
    20_000, 32_000
)  # below the ports that systems hand out (Linux: 32768 to 60999)


class StartError(RuntimeError):
    """A server did not start. The message is a line with the reason."""


class Server:
    """`command`, running in `folder`; its output goes into the file `log`."""

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                ["sh", "-c", _WHILE_ASKED_FOR, "sh", *command],
                cwd=folder,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def status(self) -> int | None:
        """The exit status, None while the server runs."""
        return self._process.poll()

    @property
    def log(self) -> str:
        """Return the output so far."""
        return self._log.read_text("utf-8", "replace")

    def progress(self) -> str:
        """Return the size of its output and the CPU time of its processes. They change while it
        works, also on a busy machine."""
        times = subprocess.getoutput(f"ps -o time= -g {self._process.pid}")
        return f"{self._log.stat().st_size} {times}"

    def end(self) -> None:
        """End it, at the latest by force after 20 seconds."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOPPED)
                break


def free_port() -> int:
    """Return a loopback port that is free, and outside the range that systems assign.

    It stays free while a slow server starts. Raises StartError if no port is free.
    """
    for _ in range(100):
        port = _OWN.start + secrets.randbelow(len(_OWN))
        with (
            contextlib.suppress(OSError),
            socket.create_server(("127.0.0.1", port)),
        ):
            return port
    raise StartError(
        f"no port of 127.0.0.1 was free: 100 of {_OWN.start} to {_OWN.stop - 1} were tried"
    )
