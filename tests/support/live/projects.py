"""The folder of a project whose stacks a test deploys to a live Kong."""

from __future__ import annotations

from pathlib import Path

from sandbox.local import ROOT
from sandbox.project import PROGRAM


def link_project(folder: Path) -> None:
    """Link the program into a folder, and make folders for its own Applications and stacks."""
    for linked in PROGRAM:
        (folder / linked).symlink_to(ROOT / linked)
    for own in ("applications", "stacks"):
        (folder / own).mkdir()
