"""The owners of components, compared: who answers for an API, or for a client."""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.diff.change import Facts, Setting, Subject
from kong_oam.access.diff.model import EstateWithFacts
from kong_oam.access.model import Component, Estate


def owners_changed(
    old: EstateWithFacts, new: EstateWithFacts
) -> Iterator[Setting]:
    """Yield the components that are on both sides and have another owner."""
    before = _deployed(*old)
    after = _deployed(*new)
    for key in sorted(before.keys() & after.keys()):
        was = before[key].owner
        now = after[key].owner
        if was != now:
            position = after[key].position if after[key].position.file else None
            yield Setting(
                "owner", Subject(key), "owner", was, now, position=position
            )


def _deployed(estate: Estate, facts: Facts) -> dict[str, Component]:
    """The components whose owner a side knows: not those that another stack deploys.

    An exported model has no facts of these.
    """
    return {
        key: component
        for key, component in estate.own.items()
        if Subject(key) in facts
    }
