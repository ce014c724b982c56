"""Read `gateway.adopted`: an older configuration in the same Kong, until a date."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypedDict

from kong_oam.access.data import Names, TextList

SETTING = "gateway.adopted"


class AdoptedYaml(TypedDict):
    """The setting."""

    until: str
    reason: str
    deck: TextList


@dataclass(frozen=True, slots=True)
class AdoptedSettings:
    """Routes of no stack that stay in Kong until the day `until`, this day included.

    They may answer calls that match no route of the stack. `deck`: the decK files that deploy them,
    relative to the project's folder.
    """

    until: str
    reason: str
    deck: Names = ()

    def is_over(self, today: datetime.date) -> bool:
        """Return whether the date is past."""
        return datetime.date.fromisoformat(self.until) < today


def adopted_settings(setting: AdoptedYaml | None) -> AdoptedSettings | None:
    """Return the checked setting."""
    if setting is None:
        return None
    return AdoptedSettings(
        setting["until"], setting["reason"], tuple(setting["deck"])
    )


def adopted_problems(setting: AdoptedYaml | None) -> Iterator[str]:
    """Yield each problem, starting with the setting's name."""
    if setting is None:
        return
    try:
        datetime.date.fromisoformat(setting["until"])
    except ValueError:
        yield f"{SETTING}.until: {setting['until']} is not a date; write YYYY-MM-DD"
