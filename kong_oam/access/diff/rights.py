"""Comparison of the cluster rights of components' pods: a pod that reads a Secret can call as its
client."""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.diff.change import RIGHTS, Setting, Subject
from kong_oam.access.diff.kind import kind_of_list
from kong_oam.access.diff.model import AccessModel, changed_facts


def rights_changed(old: AccessModel, new: AccessModel) -> Iterator[Setting]:
    """Yield the components whose roles give other rights. A missing component has no rights."""
    for key, was, now in changed_facts(old, new, RIGHTS, []):
        yield Setting(kind_of_list(was, now), Subject(key), RIGHTS, was, now)
