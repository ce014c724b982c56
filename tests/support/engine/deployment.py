"""A project folder with its own Applications, and the literal `pulumi` CLI on it over a running
sandbox."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import yaml

from sandbox.kong import Lags
from sandbox.local import STACK, Local
from sandbox.project import project
from tests.support.json_object import JsonObject
from tests.support.projects import replace_once

__all__ = ["AT_ONCE", "Deployment", "Empty", "project", "start"]

AT_ONCE = Lags()
"""Kong shows every change at once: most tests do not depend on its lags."""

Edit = Callable[[list[JsonObject]], list[JsonObject]]
"""Queries over the resources of a state, as the engine exports them."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """The stack `local` of the project in `folder`. Every run of the CLI ends within 90 seconds."""

    local: Local
    folder: Path

    def pulumi(
        self, *arguments: str, check: bool = True
    ) -> CompletedProcess[str]:
        """Run the CLI in the project's folder."""
        return self.local.pulumi(
            *arguments, cwd=self.folder, check=check, timeout=90
        )

    def run(
        self, verb: str, *arguments: str, check: bool = True
    ) -> CompletedProcess[str]:
        """Run `up`, `refresh` or `destroy` of the stack, without a preview before it."""
        return self.pulumi(
            verb,
            "-s",
            STACK,
            "--yes",
            "--skip-preview",
            *arguments,
            check=check,
        )

    def changes(self, verb: str, *arguments: str) -> dict[str, str]:
        """Return the changes of `verb` from the engine's events: {resource's logical name:
        operation}.

        For preview these are the planned changes. Unchanged resources are left out.
        """
        if verb == "preview":
            return named(preview(self, *arguments))
        return named(operations(self.run(verb, *arguments, "--json").stdout))

    def assert_unchanged(self, verb: str = "up", *arguments: str) -> None:
        """Assert that a run changes nothing."""
        changes = self.changes(verb, *arguments)
        assert changes == {}, changes

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace `old`, which occurs exactly once, in a file of the project."""
        replace_once(self.folder / file, old, new)

    def leave_out(self, *names: str) -> None:
        """Remove these Applications of the sample."""
        for name in names:
            (self.folder / f"applications/{name}.yaml").unlink()

    def replace_applications(self, text: str) -> None:
        """Leave only the Application `tiny`, which is `text`."""
        remove_applications(self.folder)
        (self.folder / "applications/tiny.yaml").write_text(text, "utf-8")

    @contextmanager
    def config(self) -> Iterator[JsonObject]:
        """Change the settings in the file of the stack."""
        file = self.folder / f"stacks/Pulumi.{STACK}.yaml"
        settings = yaml.safe_load(file.read_text("utf-8"))
        yield settings["config"]
        file.write_text(yaml.safe_dump(settings), "utf-8")

    def enter(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Run commands in the project's folder, with the stack's environment."""
        monkeypatch.chdir(self.folder)
        for name, value in self.local.env.items():
            monkeypatch.setenv(name, value)

    def state(self, *arguments: str) -> list[JsonObject]:
        """Return the resources of the exported state, in order of creation."""
        exported = json.loads(
            self.pulumi("stack", "export", "-s", STACK, *arguments).stdout
        )
        found: list[JsonObject] = exported["deployment"].get("resources") or []
        return found

    def rewrite(self, edit: Edit) -> None:
        """Replace the state's resources by the result of `edit`."""
        rewrite(
            lambda *arguments: self.pulumi(*arguments, "-s", STACK),
            self.local.folder / "state.json",
            edit,
        )

    def output(self, name: str) -> Any:
        """Return one of the stack's outputs."""
        return json.loads(
            self.pulumi("stack", "output", "-s", STACK, "--json", name).stdout
        )


Empty = Callable[..., Deployment]
"""The fixture `empty` of the engine's tests: it makes a deployment with an empty stack."""


def rewrite(
    pulumi: Callable[..., CompletedProcess[str]], file: Path, edit: Edit
) -> None:
    """Export the state of the stack of `pulumi`, and import it with the resources that `edit`
    returns."""
    exported = json.loads(pulumi("stack", "export").stdout)
    exported["deployment"]["resources"] = edit(
        exported["deployment"]["resources"]
    )
    file.write_text(json.dumps(exported), "utf-8")
    pulumi("stack", "import", "--file", str(file))


def remove_applications(folder: Path) -> None:
    """Remove the Applications of a project."""
    for file in (folder / "applications").iterdir():
        file.unlink()


def start(local: Local, folder: Path) -> Deployment:
    """Return a deployment with an empty stack."""
    deployment = Deployment(local, folder)
    deployment.pulumi("stack", "init", STACK)
    return deployment


def preview(deployment: Deployment, *arguments: str) -> dict[str, str]:
    """Return the operations of `preview --json`: {urn: operation}."""
    steps = json.loads(
        deployment.pulumi("preview", "-s", STACK, "--json", *arguments).stdout
    )["steps"]
    return {step["urn"]: step["op"] for step in steps}


def events(printed: str) -> Iterator[JsonObject]:
    """Yield the engine's events that `--json` printed, or that `--event-log` wrote: one JSON object
    a line."""
    for line in printed.splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def operations(printed: str) -> dict[str, str]:
    """Return the operations of a run by its events: {urn: operation}. The run must have reported
    success."""
    seen = list(events(printed))
    results = [
        event["summaryEvent"]["result"]
        for event in seen
        if "summaryEvent" in event
    ]
    assert results == ["succeeded"], printed
    steps = [
        event["resourcePreEvent"]["metadata"]
        for event in seen
        if "resourcePreEvent" in event
    ]
    return {step["urn"]: step["op"] for step in steps}


def named(steps: dict[str, str]) -> dict[str, str]:
    """Return the steps that change a resource, by logical name: the URN's part after the type."""
    return {
        urn.rsplit("::", 1)[1]: op
        for urn, op in steps.items()
        if op not in ("same", "read", "refresh")
    }
