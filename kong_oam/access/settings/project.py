"""Read the values of a stack's file. Reject a project whose engine reads values elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from kong_oam.access.data import YamlObject
from kong_oam.diagnostics import some
from kong_oam.errors import SettingsError

_PROJECT = "Pulumi.yaml"

NAMESPACE = "kong-oam"

# The folder of the stacks' files, below the project's folder.
STACKS = Path("stacks")


def stack_file(stack: str, folder: Path = STACKS) -> Path:
    """Return the file of a stack's settings, by default in the working directory's project."""
    return folder / f"Pulumi.{stack}.yaml"


def values_in(file: Path, namespace: str) -> YamlObject:
    """Return the unchecked values of the namespace in `Pulumi.<stack>.yaml`, by name.

    Raises SettingsError if the file cannot be read, or if the project makes the engine read other
    values.
    """
    _require_alone(file.parent.parent / _PROJECT, file.parent.name, namespace)
    prefix = f"{namespace}:"
    return {
        name.removeprefix(prefix): value
        for name, value in config_in(file).items()
        if str(name).startswith(prefix)
    }


def config_in(file: Path) -> YamlObject:
    """Return all values in `Pulumi.<stack>.yaml` by name with namespace; secrets stay encrypted.

    Raises SettingsError if the file cannot be read.
    """
    config = _loaded(file).get("config") or {}
    if not isinstance(config, dict):
        raise SettingsError(
            f"{file} cannot be read: its config is not a mapping"
        )
    return config


def _require_alone(file: Path, stacks: str, namespace: str) -> None:
    project = _loaded(file) if file.is_file() else {"stackConfigDir": stacks}
    config = project.get("config") or {}
    folder = str(project.get("stackConfigDir")).removeprefix("./").rstrip("/")
    if folder != stacks or not isinstance(config, dict):
        raise SettingsError(
            f"{file} makes the engine read other files than {stacks}/Pulumi.<stack>.yaml, which "
            f"all commands read; set stackConfigDir: {stacks}"
        )
    ours = []
    for name in config:
        # The engine reads a name without a namespace as the project's.
        of, colon, _ = str(name).partition(":")
        if (of if colon else str(project.get("name"))) == namespace:
            ours.append(name)
    if ours:
        raise SettingsError(
            f"{file} sets {some(ours)} in its config, which no command reads; move it to "
            f"{stacks}/Pulumi.<stack>.yaml"
        )


def file_beside(folder: Path, name: str) -> Path:
    """Return the path of a file that settings name. Raises SettingsError if the name is a path."""
    if Path(name).name != name:
        raise SettingsError(
            f"'{name}' is not a file name; write the name of a file in {folder}/"
        )
    return folder / name


def yaml_in(file: Path) -> Any:
    """Return the content of a YAML file. Raises SettingsError if it cannot be read."""
    try:
        return yaml.load(file.read_text("utf-8"), Loader=yaml.CSafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(
            f"{file} cannot be read: {' '.join(str(error).split())[:200]}"
        ) from None


def _loaded(file: Path) -> YamlObject:
    loaded = yaml_in(file) or {}
    if not isinstance(loaded, dict):
        raise SettingsError(f"{file} cannot be read: it is not a mapping")
    return loaded
