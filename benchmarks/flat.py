"""The resources of an estate deployed by a flat program, one stack without a model, beside what ours took for them.

It shows what the engine costs by itself, and is no limit: one stack of many resources costs it their square.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import flat_program
from benchmarks.large import Large, Run, sandbox_of
from sandbox.local import ROOT, STACK, Local

_PROJECT = "{name: flat, runtime: {name: python, options: {virtualenv: .venv}}}"


def resources_of(estate: Large) -> list[dict[str, Any]]:
    """All that providers made in all stacks of an estate, in the order in which it was made, its base's first, with
    secrets in plain text."""
    found = []
    for name in (STACK, *(f"{STACK}-{partition}" for partition in estate.partitions)):
        exported = json.loads(estate.pulumi("stack", "export", "--show-secrets", "-s", name))
        found += [one for one in exported["deployment"]["resources"] if one.get("custom")]
    return found


def flat(estate: Large, tell: Callable[[str, Run], None]) -> None:
    """Deploys what an estate has made anew, on a sandbox of its own."""
    with tempfile.TemporaryDirectory() as folder, sandbox_of(estate.components) as local:
        root = Path(folder)
        (root / "Pulumi.yaml").write_text(_PROJECT)
        (root / ".venv").symlink_to(ROOT / ".venv")
        shutil.copy(flat_program.__file__, root / "__main__.py")
        resources, here = json.dumps(resources_of(estate)), _named(local)
        for name, there in _named(estate.local).items():
            resources = resources.replace(there, here[name])
        (root / "resources.json").write_text(resources)
        local.pulumi("stack", "init", "-s", STACK, cwd=root)
        other = Large(local, root, estate.components, 0, tell)
        with other.step("first up, flat") as printed:
            printed(other.pulumi("up", "--yes", "--skip-preview", "-s", STACK))


def _named(local: Local) -> dict[str, str]:
    """What each sandbox has of its own, by name: addresses of stand-ins, and ids of groups."""
    groups = local.okta.save().rows("groups")
    return {**local.exports, **{f"group {one['profile']['name']}": str(one["id"]) for one in groups}}
