"""A copy of this project in another folder, for runs with other stacks or Applications."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from sandbox.edges import Json
from sandbox.local import ROOT, STACK

PROGRAM = (
    "__main__.py",
    "Pulumi.yaml",
    "kong_oam",
    "kong_rules",
    "components",
    "definitions",
    ".venv",
)
"""The parts that every run of the program needs."""
_LINKED = (*PROGRAM, "access", "policies", "examples")
_COPIED = ("applications", "stacks")
_OWN_TYPES = "examples/own-types"


def project(folder: Path, *copied: str, of: Path = ROOT) -> Path:
    """Fill `folder` like this repository: with links, and copies of the files that tests edit or
    the CLI writes.

    `copied` names further parts (as "components") to copy. `of` is another checkout of the project,
    which runs with this checkout's libraries.
    """
    for name in (*_LINKED, *_COPIED):
        source = (ROOT if name == ".venv" else of) / name
        if name not in (*_COPIED, *copied):
            (folder / name).symlink_to(source)
        elif source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy(source, folder / name)
    return folder


def stack_file(folder: Path) -> Path:
    """Return the settings of the stack `local` of the project in `folder`."""
    return folder / "stacks" / f"Pulumi.{STACK}.yaml"


def add_own_types(folder: Path) -> None:
    """Make the stack `local` deploy the example of custom types, beside the sample estate."""
    set_value(
        folder, "applications", ["applications", f"{_OWN_TYPES}/applications"]
    )
    set_value(folder, "definitions", [f"{_OWN_TYPES}/definitions"])


def keep_records(folder: Path, file: Path) -> None:
    """Have the gateway of the stack `local` keep records of calls in a file."""
    set_gateway(folder, logs={"file": str(file)})


def set_gateway(folder: Path, **values: Any) -> None:
    """Write settings of the gateway of the stack `local`, beside its existing settings."""
    gateway = yaml.safe_load(stack_file(folder).read_text("utf-8"))["config"][
        "kong-oam:gateway"
    ]
    set_value(folder, "gateway", {**gateway, **values})


def set_providers(folder: Path, providers: Sequence[Json]) -> None:
    """Write the identity providers of the stack `local`, in place of those that it has."""
    set_value(
        folder, "identityProviders", [dict(provider) for provider in providers]
    )


def set_value(folder: Path, name: str, value: Any) -> None:
    """Write a setting of the stack `local`, in place of its current value."""
    file = stack_file(folder)
    settings = yaml.safe_load(file.read_text("utf-8"))
    settings["config"][f"kong-oam:{name}"] = value
    file.write_text(yaml.safe_dump(settings, sort_keys=False), "utf-8")
