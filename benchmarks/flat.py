"""Cost of a flat program with the resources of an estate: one stack without a model, beside ours in
partitions.

    python -m benchmarks.flat [--components 10 100] [--partition 10]

Deploys each estate by the project's own `up`. Then a program with each resource of the states
deploys the same resources on another sandbox. This is the cost of the engine alone, which grows
with the square of a stack's resources, and has no limit. Sandbox and numbers are as in
`benchmarks.estate`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks import flat_program
from benchmarks.conditions import as_users_run
from benchmarks.estate import HEADING, tell
from benchmarks.large import Large, large, sandbox_of
from sandbox.local import ROOT, STACK, Local

_PROJECT = "{name: flat, runtime: {name: python, options: {virtualenv: .venv}}}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--components",
        type=int,
        nargs="+",
        default=(10, 100),
        help="multiples of ten",
    )
    parser.add_argument(
        "--partition",
        type=int,
        default=10,
        help="components of each, a multiple of ten (default: 10)",
    )
    options = parser.parse_args()
    as_users_run()
    for components in options.components:
        print(f"\n{components} components\n{HEADING}", flush=True)
        with large(components, options.partition, tell=tell) as estate:
            with estate.step("first up, in partitions") as printed:
                printed(estate.up())
            flat(estate)
    return 0


def flat(estate: Large) -> None:
    """Deploy an estate's resources anew, on another sandbox."""
    with (
        tempfile.TemporaryDirectory() as folder,
        sandbox_of(estate.components) as local,
    ):
        root = Path(folder)
        (root / "Pulumi.yaml").write_text(_PROJECT)
        (root / ".venv").symlink_to(ROOT / ".venv")
        shutil.copy(flat_program.__file__, root / "__main__.py")
        made = [
            resource
            for resource in estate.resources("--show-secrets")
            if resource.get("custom")
        ]  # as it was created
        resources = json.dumps(made)
        here = _named(local)
        for name, there in _named(estate.local).items():
            resources = resources.replace(there, here[name])
        (root / "resources.json").write_text(resources)
        local.pulumi("stack", "init", "-s", STACK, cwd=root)
        other = Large(local, root, estate.components, 0, tell)
        with other.step("first up, flat") as printed:
            printed(other.pulumi("up", "--yes", "--skip-preview", "-s", STACK))


def _named(local: Local) -> dict[str, str]:
    """Return the values that differ between sandboxes, by name: addresses of stand-ins, and ids of
    groups."""
    groups = local.okta.save().rows("groups")
    return {
        **local.exports,
        **{
            f"group {group['profile']['name']}": str(group["id"])
            for group in groups
        },
    }


if __name__ == "__main__":
    sys.exit(main())
