"""Read the values of a stack's file. Reject a project whose engine reads values elsewhere."""

from __future__ import annotations

import re
from collections.abc import Container
from pathlib import Path
from typing import Any

import yaml
from yaml import MarkedYAMLError, ScalarNode

from kong_oam.access.data import YamlObject
from kong_oam.diagnostics import some
from kong_oam.errors import SettingsError

_PROJECT = "Pulumi.yaml"

NAMESPACE = "kong-oam"
_MISSPELT = re.compile("(?i)kong[-_]?oam:")

# The folder of the stacks' files, below the project's folder.
STACKS = Path("stacks")


class _Loader(yaml.CSafeLoader):
    """PyYAML's loader, which rejects dates: settings are texts."""


def _reject_date(_loader: _Loader, node: ScalarNode) -> None:
    message = f'a date needs quotes; write "{node.value}"'
    raise MarkedYAMLError(problem=message, problem_mark=node.start_mark)


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _reject_date)


def stack_file(stack: str, folder: Path = STACKS) -> Path:
    """Return the file of a stack's settings, by default in the working directory's project."""
    return folder / f"Pulumi.{stack}.yaml"


def values_in(file: Path, settings: Container[str]) -> YamlObject:
    """Return the unchecked `kong-oam:` values in `Pulumi.<stack>.yaml`, by name.

    Raises SettingsError if the file cannot be read, or if the project makes the engine read other
    values. A misspelt prefix, or one of the `settings` without a prefix, is an error, too.
    """
    _require_alone(file.parent.parent / _PROJECT, file.parent.name)
    prefix = f"{NAMESPACE}:"
    values = {}
    misspelt = []
    for key, value in config_in(file).items():
        name = str(key)
        if name.startswith(prefix):
            values[name.removeprefix(prefix)] = value
        elif name in settings or _MISSPELT.match(name):
            misspelt.append(name)
    if misspelt:
        keys = some(misspelt)
        raise SettingsError(
            f"{file}: no command reads {keys}; did you mean the prefix {prefix}?"
        )
    return values


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


def _require_alone(file: Path, stacks: str) -> None:
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
        if (of if colon else str(project.get("name"))) == NAMESPACE:
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
        text = file.read_text("utf-8")
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        # The message starts with the file's name.
        reason = str(error).replace('in "<unicode string>", ', "in ")
        raise SettingsError(
            f"{file} cannot be read: {' '.join(reason.split())[:200]}"
        ) from None


def _loaded(file: Path) -> YamlObject:
    loaded = yaml_in(file) or {}
    if not isinstance(loaded, dict):
        raise SettingsError(f"{file} cannot be read: it is not a mapping")
    return loaded
