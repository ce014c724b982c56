"""Destroying a stack as the page says: the order of deletions, and the settings file that stays."""

from __future__ import annotations

import re

import pytest

from sandbox.local import STACK
from tests.support.documentation import page
from tests.support.engine.deployment import Empty, events


def _gone(printed: str) -> list[str]:
    """Return the logical names of the resources that a run deleted, in order."""
    done = (
        event["resOutputsEvent"]["metadata"]
        for event in events(printed)
        if "resOutputsEvent" in event
    )
    return [step["urn"].rsplit("::", 1)[1] for step in done]


@pytest.mark.deep
def test_the_commands_of_the_page_leave_the_file_of_settings(
    empty: Empty,
) -> None:
    """Without the page's flag the file would be deleted."""
    lines = page("how-to/take-a-stack-down.md").splitlines()
    commands = [
        line.strip()
        for line in lines
        if re.match(r" {4,}pulumi (destroy|stack rm) ", line)
    ]
    assert commands == [
        "pulumi destroy -s prod",
        "pulumi stack rm prod --preserve-config",
    ]
    deployment = empty()
    file = deployment.folder / f"stacks/Pulumi.{STACK}.yaml"
    written = file.read_text("utf-8")
    deployment.run("up")
    gone = _gone(deployment.run("destroy", "--json").stdout)
    for component, *parts in (
        ("orders/api", "protected-1-8080", "8080-gate"),
        ("shop/web", "protected-0-3000", "3000-gate"),
    ):
        order = [
            gone.index(f"{component}-{part}") for part in (*parts, "deployment")
        ]
        assert order == sorted(order)
    deployment.pulumi("stack", "rm", STACK, "--yes", "--preserve-config")
    assert file.read_text("utf-8") == written
    assert STACK not in deployment.pulumi("stack", "ls").stdout
    deployment.pulumi("stack", "init", STACK)
    deployment.pulumi("stack", "rm", STACK, "--yes")
    assert not file.exists()
