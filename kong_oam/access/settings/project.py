"""Reads the values of a stack's file, and refuses a project in which the engine takes them from
elsewhere, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from kong_oam.access.data import YamlObject
from kong_oam.diagnostics import some
from kong_oam.errors import SettingsError

_PROJECT = "Pulumi.yaml"

NAMESPACE = "kong-oam"

# The folder of the stacks' files, below that of the project.
STACKS = Path("stacks")


def stack_file(stack: str, folder: Path = STACKS) -> Path:
    """The file of a stack's settings, by default in the project of the working directory."""
    return folder / f"Pulumi.{stack}.yaml"


def values_in(file: Path, namespace: str) -> YamlObject:
    """The values of the namespace in `Pulumi.<stack>.yaml`, by name, unchecked. Raises
    SettingsError where it cannot be read, or the project around it lets the engine read other
    ones."""
    _require_alone(file.parent.parent / _PROJECT, file.parent.name, namespace)
    prefix = f"{namespace}:"
    return {
        name.removeprefix(prefix): value
        for name, value in config_in(file).items()
        if str(name).startswith(prefix)
    }


def config_in(file: Path) -> YamlObject:
    """All values in `Pulumi.<stack>.yaml`, by name with its namespace; secrets as they are
    encrypted. Raises SettingsError where it cannot be read."""
    config = _loaded(file).get("config") or {}
    if not isinstance(config, dict):
        raise SettingsError(f"{file} cannot be read: its config is no mapping")
    return config


def _require_alone(file: Path, stacks: str, namespace: str) -> None:
    project = _loaded(file) if file.is_file() else {"stackConfigDir": stacks}
    config = project.get("config") or {}
    folder = str(project.get("stackConfigDir")).removeprefix("./").rstrip("/")
    if folder != stacks or not isinstance(config, dict):
        raise SettingsError(
            f"{file} lets the engine read other files than {stacks}/Pulumi.<stack>.yaml, which all "
            f"commands read; set stackConfigDir: {stacks}"
        )
    ours = []
    for name in config:
        # The engine takes a name without a namespace for one of the project's.
        of, colon, _ = str(name).partition(":")
        if (of if colon else str(project.get("name"))) == namespace:
            ours.append(name)
    if ours:
        raise SettingsError(
            f"{file} sets {some(ours)} in its config, which no command reads: settings stand in "
            f"{stacks}/Pulumi.<stack>.yaml alone; move it there"
        )


def beside(folder: Path, name: str) -> Path:
    """A file that settings name. Raises SettingsError for a path that is no name."""
    if Path(name).name != name:
        raise SettingsError(
            f"'{name}' is not the name of a file beside the stack's, in {folder}/"
        )
    return folder / name


def yaml_in(file: Path) -> Any:
    """The content of a YAML file. Raises SettingsError where it cannot be read."""
    try:
        return yaml.load(file.read_text("utf-8"), Loader=yaml.CSafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(
            f"{file} cannot be read: {' '.join(str(error).split())[:200]}"
        ) from None


def _loaded(file: Path) -> YamlObject:
    loaded = yaml_in(file) or {}
    if not isinstance(loaded, dict):
        raise SettingsError(f"{file} cannot be read: it is no mapping")
    return loaded
