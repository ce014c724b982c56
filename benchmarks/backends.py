"""Cost of a state backend: bytes written, bytes kept, and CPU seconds of `up`, by backend and
compression.

    python -m benchmarks.backends [--components 12]

Deploys Applications of three components on the sandbox, each time from nothing. The engine, its
backends and Debian's PostgreSQL are real; Kong, Okta, the cluster and the plugins are stand-ins.

CPU seconds include all processes of a run, the stand-ins, and PostgreSQL's processes; nothing is
forked from running processes. Bytes written are Linux's count for the run's processes
(/proc/self/io), and the write-ahead log for PostgreSQL. A PostgreSQL checkpoint also writes pages
of its tables. S3 and GCS were not measured: the engine uses them through the same library as files.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from benchmarks.conditions import as_users_run
from benchmarks.graph import GROUPS, PER_APPLICATION, write
from sandbox import project
from sandbox.local import STACK, Local
from tests.support.postgresql import (
    PostgreSql,
    PostgreSqlMissingError,
    postgresql,
)

FILES = "files"
POSTGRESQL = "PostgreSQL"
ZSTD = {"PULUMI_DIY_BACKEND_ZSTD": "true"}
_TICKS = os.sysconf("SC_CLK_TCK")

Sizes = Mapping[str, int]
"""Bytes that a backend keeps, by name."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The cost of `up`: CPU seconds of the run and of the server, and bytes written.

    `state` are the bytes of the state, and `left` additional bytes after a run without a change.
    """

    run: float
    server: float
    written: int
    state: int
    left: int


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--components",
        type=int,
        default=12,
        help=f"a multiple of {PER_APPLICATION}",
    )
    applications = parser.parse_args().components // PER_APPLICATION
    as_users_run()
    print(
        f"up of {applications * PER_APPLICATION} components; "
        "state and additional bytes of a run in KB"
    )
    print(
        f"{'CPU s':>28} {'server':>6} {'MB written':>10} {'state':>6} {'a run leaves':>12}"
    )
    for backend, settings in (
        (FILES, {}),
        (FILES, ZSTD),
        (POSTGRESQL, {}),
        (POSTGRESQL, ZSTD),
    ):
        name = f"{backend}, zstd" if settings else backend
        try:
            with (
                postgresql()
                if backend == POSTGRESQL
                else nullcontext() as server
            ):
                print(
                    told(name, measured(applications, settings, server)),
                    flush=True,
                )
        except PostgreSqlMissingError as error:
            print(f"{name}: not measured: {error}")
    return 0


def told(name: str, measured: Measured) -> str:
    """Return a line of the table."""
    return (
        f"{name:>20}: {measured.run:6.1f} {measured.server:6.1f} {measured.written / 1e6:10.1f} "
        f"{measured.state / 1e3:6.0f} {measured.left / 1e3:12.0f}"
    )


def measured(
    applications: int, settings: Mapping[str, str], server: PostgreSql | None
) -> Measured:
    """Run a deployment, with the engine's default backups, and a run without a change."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Local(groups=GROUPS, users=()) as local,
    ):
        root = project.project(Path(folder))
        for file in (root / "applications").iterdir():
            file.unlink()
        for number in range(1, applications + 1):
            write(root, number)
        del local.env["PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS"]
        local.env |= {
            **settings,
            **({"PULUMI_BACKEND_URL": server.url()} if server else {}),
        }

        def up() -> None:
            local.pulumi(
                "up",
                "--yes",
                "--skip-preview",
                "-s",
                STACK,
                cwd=root,
                timeout=1800,
            )

        local.pulumi("stack", "init", "-s", STACK, cwd=root)
        served = seconds(server)
        written = bytes_written(server)
        spent = sum(os.times()[:4])
        up()
        run = sum(os.times()[:4]) - spent
        written = bytes_written(server) - written
        served = seconds(server) - served
        kept = rows(server) if server else files(local.folder / "state")
        up()
        more = rows(server) if server else files(local.folder / "state")
    (state,) = (
        size
        for name, size in kept.items()
        if name.endswith((f"/{STACK}.json", f"/{STACK}.json.zst"))
    )
    return Measured(
        run, served, written, state, sum(more.values()) - sum(kept.values())
    )


def files(folder: Path) -> Sizes:
    """Return the bytes that a file backend keeps."""
    return {
        str(file): file.stat().st_size
        for file in folder.rglob("*")
        if file.is_file()
    }


def rows(server: PostgreSql) -> Sizes:
    """Return the bytes that PostgreSQL keeps with its own compression, without dead rows."""
    lines = server.ask(
        "SELECT key, pg_column_size(data) FROM pulumi_state"
    ).splitlines()
    sizes = {}
    for line in lines:
        name, _, size = line.rpartition("|")
        sizes[name] = int(size)
    return sizes


def bytes_written(server: PostgreSql | None) -> int:
    """Return the bytes written so far: in PostgreSQL's log, or by this process and its ended
    children."""
    if server:
        return int(server.ask("SELECT pg_current_wal_lsn() - '0/0'"))
    counted = dict(
        line.split(": ")
        for line in Path("/proc/self/io").read_text().splitlines()
    )
    return int(counted["write_bytes"])


def seconds(server: PostgreSql | None) -> float:
    """Return the CPU seconds of PostgreSQL's processes so far, ended processes included; 0 without
    PostgreSQL."""
    if server is None or server.process is None:
        return 0.0
    first = server.process.pid
    living = [
        first,
        *map(
            int,
            Path(f"/proc/{first}/task/{first}/children").read_text().split(),
        ),
    ]
    return sum(map(_ticks, living)) / _TICKS


def _ticks(process: int) -> int:
    """Return the CPU seconds of a process and its ended children."""
    values = (
        Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    )
    return sum(map(int, values[11:15]))


if __name__ == "__main__":
    sys.exit(main())
