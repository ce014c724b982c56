"""Comparison of the owners of components."""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.diff.change import Setting, Subject
from kong_oam.access.diff.model import AccessModel


def owners_changed(old: AccessModel, new: AccessModel) -> Iterator[Setting]:
    """Yield the components in both estates with another owner.

    An exported model has no facts of components that other stacks deploy: their owners are unknown.
    """
    for key in sorted(old.estate.own.keys() & new.estate.own.keys()):
        component = new.estate.own[key]
        was = old.estate.own[key].owner
        of = Subject(key)
        if was != component.owner and of in old.facts and of in new.facts:
            position = component.position if component.position.file else None
            yield Setting(
                "owner", of, "owner", was, component.owner, position=position
            )
