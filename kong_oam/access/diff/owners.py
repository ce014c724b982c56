"""Comparison of the owners of components."""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.diff.change import Facts, Setting, Subject
from kong_oam.access.diff.model import EstateWithFacts
from kong_oam.access.model import Component, Estate


def owners_changed(
    old: EstateWithFacts, new: EstateWithFacts
) -> Iterator[Setting]:
    """Yield the components in both estates with another owner."""
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
    """Return the components that the stack itself deploys: their owners are known.

    An exported model has no facts of other components.
    """
    return {
        key: component
        for key, component in estate.own.items()
        if Subject(key) in facts
    }
