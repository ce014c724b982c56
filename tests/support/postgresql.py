"""A private PostgreSQL (Debian's), on loopback in a temporary folder, and a wire to it that can be
cut."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sandbox.server import free_port
from tests.support.json_object import JsonObject
from tests.support.local_servers import Connections, Listening

PASSWORD = "a-password"
USER, DATABASE = "deployer", "states"
_DEBIAN = Path("/usr/lib/postgresql")
_PATIENCE = 60.0
"""Seconds for its start, its answers and its end."""


class PostgreSqlMissingError(Exception):
    """PostgreSQL cannot run here. The message has the reason."""


@dataclass(slots=True)
class PostgreSql:
    """A server at 127.0.0.1 with one user and one database; `process` is its main process, while it
    runs."""

    programs: Path
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def url(
        self, port: int | None = None, login: str = f"{USER}:{PASSWORD}"
    ) -> str:
        """Return the backend's URL; `port` may be the port of a wire in front of the server."""
        return f"postgres://{login}@127.0.0.1:{port or self.port}/{DATABASE}?sslmode=disable&connect_timeout=10"

    def ask(self, query: str) -> str:
        """Return psql's output for a query: a line for each row, with `|` between columns."""
        command = [
            self.programs / "psql",
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "-c",
            query,
        ]
        where = [self.url()]
        return subprocess.run(
            command + where,
            check=True,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
        ).stdout.strip()

    def names(self) -> list[str]:
        """Return the backend's files, by their names on a file backend."""
        return self.ask(
            f"SELECT substr(key, {len(DATABASE) + 2}) FROM pulumi_state ORDER BY key"
        ).splitlines()

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        settings = (
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-c",
            "unix_socket_directories=",
        )
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.folder / "data", *settings],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, **_unprivileged(),
            )  # fmt: skip
        until = time.monotonic() + _PATIENCE
        while not self._answers():
            assert self.process.poll() is None and time.monotonic() < until, (
                self.folder / "log"
            ).read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the server, and every connection with it; a restart finds the committed data."""
        if self.process is not None:
            self.process.send_signal(
                signal.SIGINT
            )  # PostgreSQL's fast shutdown
            self.process.wait(_PATIENCE)
            self.process = None

    def _answers(self) -> bool:
        ready = [
            self.programs / "pg_isready",
            "-q",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
        ]
        return subprocess.run(ready, timeout=_PATIENCE).returncode == 0


@contextmanager
def postgresql() -> Iterator[PostgreSql]:
    """Start a server, which ends with the context. Raises PostgreSqlMissingError where none can
    run."""
    programs, unprivileged = _programs(), _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="kong-oam-postgresql-"))
    try:
        if unprivileged:
            shutil.chown(folder, unprivileged["user"], unprivileged["group"])
        (folder / "password").write_text(PASSWORD)
        (folder / "password").chmod(
            0o644
        )  # in a folder that others cannot enter
        command = (
            *(
                programs / "initdb",
                "-D",
                folder / "data",
                "--username",
                USER,
                "--pwfile",
                folder / "password",
            ),
            *(
                "--auth",
                "scram-sha-256",
                "--locale",
                "C",
                "--encoding",
                "UTF8",
                "--no-sync",
            ),
        )
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            timeout=_PATIENCE,
            cwd=folder,
            **unprivileged,
        )
        server = PostgreSql(programs, folder, free_port())
        server.start()
        try:
            made = [
                programs / "createdb",
                "--maintenance-db",
                server.url().replace(f"/{DATABASE}", "/postgres"),
                DATABASE,
            ]
            subprocess.run(
                made, check=True, capture_output=True, timeout=_PATIENCE
            )
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    """Return the folder of the newest version's programs, which Debian keeps off the PATH."""
    found = sorted(
        _DEBIAN.glob("*/bin/initdb"),
        key=lambda program: float(program.parts[-3]),
    )
    if not found:
        raise PostgreSqlMissingError(
            f"no PostgreSQL below {_DEBIAN}: install Debian's package postgresql"
        )
    return found[-1].parent


def _unprivileged() -> JsonObject:
    """Return options that start a process as another user than root, since PostgreSQL rejects root.
    Other users stay the same."""
    if os.geteuid() != 0:
        return {}
    try:
        known = pwd.getpwnam("postgres")
    except KeyError:
        raise PostgreSqlMissingError(
            "PostgreSQL does not run as root, and there is no user postgres to run it as"
        ) from None
    return {"user": known.pw_uid, "group": known.pw_gid, "extra_groups": ()}


class Wire:
    """Forwards connections to a port of 127.0.0.1 until it is cut. A context manager; `port` is its
    own."""

    def __init__(self, to: int) -> None:
        wire = self

        class Led(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                wire._lead(self.request)

        self._to = to
        self._ends: set[socket.socket] = set()
        self._whole = True
        self._lock = threading.Lock()
        self._listening = Listening(Connections(("127.0.0.1", 0), Led))
        self.port = self._listening.port

    def __enter__(self) -> Wire:
        self._listening.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._listening.__exit__()

    def cut(self) -> None:
        """Close all connections, and each new connection until `mend`."""
        with self._lock:
            self._whole = False
            for end in self._ends:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Forward new connections again."""
        with self._lock:
            self._whole = True

    def _lead(self, near: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", self._to)) as far:
            with self._lock:
                if not self._whole:
                    return
                self._ends |= {near, far}
            back = threading.Thread(target=_pump, args=(far, near), daemon=True)
            back.start()
            _pump(near, far)
            back.join()
            with self._lock:
                self._ends -= {near, far}


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Forward all bytes, until either end is closed."""
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
