"""One tiny program and the literal CLI on it."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from subprocess import CompletedProcess
from textwrap import dedent

from sandbox.local import Local


@dataclass(frozen=True, slots=True)
class Project:
    """One program in a folder, and the CLI on it."""

    local: Local
    folder: Path

    def write(self, program: str) -> None:
        """Replace the program and its bytecode: Python tells sources apart by size and second."""
        (self.folder / "__main__.py").write_text(dedent(program))
        rmtree(self.folder / "__pycache__", ignore_errors=True)

    def pulumi(
        self, *arguments: str, check: bool = True
    ) -> CompletedProcess[str]:
        """Run the CLI in the project's folder, for at most 60 seconds."""
        return self.local.pulumi(
            *arguments, cwd=self.folder, check=check, timeout=60
        )

    def up(self, *arguments: str, check: bool = True) -> CompletedProcess[str]:
        """Run `pulumi up --yes --skip-preview`."""
        return self.pulumi(
            "up", "--yes", "--skip-preview", *arguments, check=check
        )

    def changes(self, verb: str, *arguments: str) -> dict[str, int]:
        """Return the changes of `verb` (preview, up, refresh), by operation: {"create": 2, "same":
        1}."""
        yes = () if verb == "preview" else ("--yes", "--skip-preview")
        events = self.pulumi(verb, *yes, *arguments, "--json").stdout
        if verb == "preview":
            return dict(json.loads(events)["changeSummary"])
        lines = [
            json.loads(line)
            for line in events.splitlines()
            if line.startswith("{")
        ]
        return next(
            dict(line["summaryEvent"]["resourceChanges"])
            for line in lines
            if "summaryEvent" in line
        )


def wait(condition: Callable[[], bool]) -> None:
    """Wait for the condition, at most 30 seconds."""
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)
