"""The folder of a project whose stacks a test deploys to a live Kong."""

from __future__ import annotations

from pathlib import Path

from sandbox.local import ROOT

_LINKED = (
    "__main__.py",
    "Pulumi.yaml",
    "kong_oam",
    "components",
    "definitions",
    ".venv",
)


def link_project(folder: Path) -> None:
    """Link the program into a folder, and make folders for its own Applications and stacks."""
    for linked in _LINKED:
        (folder / linked).symlink_to(ROOT / linked)
    for own in ("applications", "stacks"):
        (folder / own).mkdir()
