"""Read the groups that a stack knows, from its file or from a file that stacks share."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from kong_oam.access.data import TextList
from kong_oam.access.settings.project import file_beside, yaml_in
from kong_oam.errors import SettingsError

SETTING = "knownGroups"


def known_groups(
    listed: TextList | str | None,
    folder: Path,
    mapped: Iterable[Iterable[str]],
) -> frozenset[str] | None:
    """Return the groups of checked settings and those that providers map; None without a list.

    Raises SettingsError if the settings name a file of `folder` that is not a list of names.
    """
    groups = _listed(folder, listed) if isinstance(listed, str) else listed
    return None if groups is None else frozenset(groups).union(*mapped)


def _listed(folder: Path, name: str) -> list[str]:
    file = file_beside(folder, name)
    groups = yaml_in(file)
    if not isinstance(groups, list) or not all(
        isinstance(group, str) for group in groups
    ):
        raise SettingsError(
            f"{file} is not a list of names; write one group a line: `- sales`"
        )
    return groups
