"""Comparison of the cluster rights of components' pods: a pod that reads a Secret can call as its
client."""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.diff.change import RIGHTS, Setting, Subject
from kong_oam.access.diff.kind import Kind
from kong_oam.access.diff.model import EstateWithFacts


def rights_changed(
    old: EstateWithFacts, new: EstateWithFacts
) -> Iterator[Setting]:
    """Yield the components whose roles give other rights. A missing component has no rights."""
    for key in sorted({*old[0].components, *new[0].components}):
        was = _rights(old, key)
        now = _rights(new, key)
        if was is not None and now is not None and was != now:
            kind: Kind = "may narrow" if {*now} <= {*was} else "may widen"
            yield Setting(kind, Subject(key), RIGHTS, was, now)


def _rights(side: EstateWithFacts, key: str) -> list[str] | None:
    """Return the rights of a component; None if another stack deploys and compares it."""
    estate, facts = side
    component = estate.components.get(key)
    if component is None:
        return []
    if key not in estate.own:
        return None
    if Subject(key) not in facts:
        # An exported model has no facts of components in other stacks, so they are not compared.
        return (
            None
            if component.exposure.endpoints or component.identity.clients
            else []
        )
    rights: list[str] = facts[Subject(key)].get(RIGHTS, [])
    return rights
