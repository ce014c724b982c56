"""Read the users of groups from a CSV file: `group,user` on each line."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

from kong_oam.access.data import Names
from kong_oam.access.model import Estate
from kong_oam.errors import InputError

_HEADER = ["group", "user"]


class MembersError(InputError):
    """A file with users of groups that cannot be read."""


def read_members(name: str, text: str) -> Mapping[str, Names]:
    """Return the users by group, sorted. A first line `group,user` is a heading. Raises
    MembersError."""
    found: dict[str, set[str]] = {}
    rows = csv.reader(io.StringIO(text, newline=""))
    for number, row in enumerate(rows, start=1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or (number == 1 and cells == _HEADER):
            continue
        if len(cells) != len(_HEADER) or not all(cells):
            raise MembersError(
                f"{name}:{number}: not a group and a user; write `group,user`"
            )
        group, user = cells
        found.setdefault(group, set()).add(user)
    return {group: tuple(sorted(users)) for group, users in found.items()}


def by_logical_name(
    members: Mapping[str, Names], estate: Estate
) -> Mapping[str, Names]:
    """Return the users by the groups' names in Applications. A file may also have the names at the
    identity provider."""
    found = {group: {*users} for group, users in members.items()}
    for component in estate.components.values():
        provider = estate.provider_of(component)
        for group in component.groups:
            users = members.get(provider.group(group), ())
            found.setdefault(group, set()).update(users)
    return {group: tuple(sorted(users)) for group, users in found.items()}
