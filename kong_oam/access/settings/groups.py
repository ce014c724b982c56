"""The groups that a stack knows: a list in its file, or one in a file beside it, which several stacks share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kong_oam.access.settings.project import beside, yaml_in
from kong_oam.errors import SettingsError

SETTING = "knownGroups"


def with_known_groups(data: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """The settings with the list itself, where they name a file of `folder` that has it.

    Raises SettingsError where the file cannot be read, or holds something else.
    """
    name = data.get(SETTING)
    return {**data, SETTING: _listed(folder, name)} if isinstance(name, str) else data


def known_groups(data: Mapping[str, Any], mapped: Iterable[Iterable[str]]) -> frozenset[str] | None:
    """The groups that settings with the list itself know, those that a provider maps among them; None without a
    list."""
    return frozenset(data[SETTING]).union(*mapped) if SETTING in data else None


def _listed(folder: Path, name: str) -> list[str]:
    file = beside(folder, name)
    groups = yaml_in(file)
    if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
        raise SettingsError(f"{file} is to be a list of names, one group a line: `- sales`")
    return groups
