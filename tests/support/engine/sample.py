"""The sample estate, deployed, with all output of the CLI."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.local import STACK, Local
from tests.support.engine.deployment import AT_ONCE, Deployment, project, start


@dataclass(frozen=True, slots=True)
class Sample:
    """The sample estate, previewed on an empty stack and then deployed, with all output of the CLI.

    `output` is stdout and stderr by command; `log` is the engine's event log of the `up`.
    """

    deployment: Deployment
    output: dict[str, str]
    log: str

    @property
    def local(self) -> Local:
        return self.deployment.local


@contextmanager
def deployed_sample(folder: Path) -> Iterator[Sample]:
    """Deploy the sample estate from a project in the folder, until the end of the block."""
    log = folder / "events.json"
    with Local(lags=AT_ONCE) as local:
        # The event log is one of the CLI's debug commands.
        local.env["PULUMI_DEBUG_COMMANDS"] = "true"
        (folder / "project").mkdir()
        deployment = start(local, project(folder / "project"))
        printed: dict[str, str] = {}
        for name, arguments in {
            "preview": ("preview", "--json"),
            "up": (
                "up",
                "--yes",
                "--skip-preview",
                "--json",
                "--event-log",
                str(log),
            ),
        }.items():
            done = deployment.pulumi(arguments[0], "-s", STACK, *arguments[1:])
            printed |= {name: done.stdout, f"{name}, stderr": done.stderr}
        yield Sample(deployment, printed, log.read_text("utf-8"))
