"""A private Redis (Debian's redis-server), on loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from kong_oam.access.settings.redis import RedisSettings
from sandbox.server import free_port

PASSWORD = "a-password"


@dataclass(frozen=True, slots=True)
class Redis:
    """A Redis that listens at 127.0.0.1. A test may kill `process`."""

    port: int
    process: subprocess.Popen[bytes]

    def settings(self, *, password: str | None = None) -> RedisSettings:
        return RedisSettings(
            "127.0.0.1", self.port, database=1, tls=False, password=password
        )

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(10)


def program() -> str | None:
    """Return the path of a redis-server, if one is installed."""
    return os.environ.get("REDIS_SERVER") or shutil.which("redis-server")


@contextmanager
def redis(folder: Path, *, password: str | None = None) -> Iterator[Redis]:
    """Start a Redis, which ends with the context. Skips the test with a reason where no
    redis-server is installed."""
    command = program()
    if not command:
        pytest.skip(
            "no redis-server: install Debian's, or say where it is (REDIS_SERVER)"
        )
    port = free_port()
    more = ["--requirepass", password] if password else []
    arguments = [
        "--bind",
        "127.0.0.1",
        "--port",
        str(port),
        "--save",
        "",
        "--dir",
        str(folder),
        *more,
    ]
    process = subprocess.Popen(
        [command, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    started = Redis(port, process)
    try:
        _await(port, process)
        yield started
    finally:
        started.end()


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert process.poll() is None, "redis-server ended at once"
            assert time.monotonic() < until, "redis-server does not listen"
            time.sleep(0.05)
