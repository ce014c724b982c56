"""The server of the official TypeScript SDK on Express, and the conformance tests, in Node."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Self

from tests.support.live.run import bind_address

_HERE = Path(__file__).parent / "node"
_CONFORMANCE = "node_modules/@modelcontextprotocol/conformance/dist/index.js"


def packages() -> Path | None:
    """Return the folder with the Node packages, or None if the environment does not name it."""
    folder = os.environ.get("LIVE_MCP_NODE")
    return Path(folder) if folder else None


def _node(folder: Path) -> str:
    own = folder / "node_modules/node/bin/node"
    return str(own) if own.exists() else "node"


class ExpressServer:
    """`ran()` are the tools that ran since the last call."""

    def __init__(self, folder: Path) -> None:
        command = [_node(folder), str(_HERE / "server.mjs"), str(folder), bind_address()]  # fmt: skip
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True
        )
        self._lines: Queue[str] = Queue()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()
        self.port = 0

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.strip())

    def ran(self) -> list[str]:
        lines = []
        while not self._lines.empty():
            lines.append(self._lines.get().removeprefix("ran "))
        return lines

    def __enter__(self) -> Self:
        self.port = int(self._lines.get(timeout=30).removeprefix("port "))
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()


def conformance(
    folder: Path, url: str, scenario: str, through: Mapping[str, str]
) -> dict[str, str]:
    """Return the result of each check of a scenario, by its name. `through`: the variables of
    through.mjs, for a run through the gateway."""
    command = [_node(folder)]
    if through:
        command += ["--import", str(_HERE / "through.mjs")]
    asked = ["server", "--url", url, "--scenario", scenario, "--verbose"]
    done = subprocess.run(
        [*command, str(folder / _CONFORMANCE), *asked],
        env={**os.environ, **through},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    printed = done.stdout.partition("\n[")[2]
    assert printed, done.stdout + done.stderr
    checks, _ = json.JSONDecoder().raw_decode("[" + printed)
    return {check["id"]: check["status"] for check in checks}
