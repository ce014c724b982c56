"""A project in its own repository, for tests of code that reads a project's files and their
history."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.support.repository import ROOT

STACK = """
config:
  kong-oam:cloud: aws
  kong-oam:asOf: "2026-11-25"
  kong-oam:domains: {default: apps.example.com}
  kong-oam:gateway: {cidrs: [192.0.2.0/24], reach: loadBalancer}
  kong-oam:identityProviders: [{name: okta, type: okta}]
"""
GIT = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


def git(*arguments: str) -> None:
    """Run git with a fixed author and without personal configuration."""
    identity = ("-c", "user.name=tests", "-c", "user.email=tests@example.com")
    subprocess.run(
        ["git", *identity, *arguments],
        check=True,
        capture_output=True,
        env=GIT,
        timeout=60,
    )


def commit_all(message: str) -> None:
    """Commit the files of the working directory."""
    git("add", ".")
    git("commit", "--message", message)


def copy_sample(folder: Path) -> None:
    """Copy the sample estate of this repository, Applications and stacks, into a folder."""
    for name in ("applications", "stacks"):
        shutil.copytree(ROOT / name, folder / name)


def replace_once(file: Path, old: str, new: str) -> None:
    """Replace `old`, which occurs exactly once in the file."""
    text = file.read_text("utf-8")
    assert text.count(old) == 1, (
        f"{old!r} stands {text.count(old)} times in {file}"
    )
    file.write_text(text.replace(old, new), "utf-8")


def write_project(folder: Path, **applications: str) -> None:
    """Make a repository with one commit, `main`, of these Applications (a file of each name) and
    the stack `local`."""
    (folder / "applications").mkdir()
    for name, text in applications.items():
        (folder / f"applications/{name}.yaml").write_text(text)
    (folder / "stacks").mkdir()
    (folder / "stacks/Pulumi.local.yaml").write_text(STACK)
    git("-C", str(folder), "init", "--initial-branch=main")
    git("-C", str(folder), "add", ".")
    git("-C", str(folder), "commit", "--message", "first")
