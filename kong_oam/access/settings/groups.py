"""The groups that a stack knows: a list in its file, or one in a file beside it, which several
stacks share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from kong_oam.access.data import YamlObject
from kong_oam.access.settings.project import beside, yaml_in
from kong_oam.errors import SettingsError

SETTING = "knownGroups"


def known_groups(
    data: YamlObject, folder: Path, mapped: Iterable[Iterable[str]]
) -> frozenset[str] | None:
    """The groups that checked settings know, also those that a provider maps; None without a list.

    Raises SettingsError where the file of `folder` that they name is not such a list.
    """
    listed = data.get(SETTING)
    groups = _listed(folder, listed) if isinstance(listed, str) else listed
    return None if groups is None else frozenset(groups).union(*mapped)


def _listed(folder: Path, name: str) -> list[str]:
    file = beside(folder, name)
    groups = yaml_in(file)
    if not isinstance(groups, list) or not all(
        isinstance(group, str) for group in groups
    ):
        raise SettingsError(
            f"{file} is to be a list of names, one group a line: `- sales`"
        )
    return groups
