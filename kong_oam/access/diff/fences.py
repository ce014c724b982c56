"""Comparison of the fences of pods that a release or an operator makes.

Without its fence, the whole cluster may connect to a pod.
"""

from __future__ import annotations

from collections.abc import Iterator

from kong_oam.access.diff.change import FENCE, Setting, Subject
from kong_oam.access.diff.model import AccessModel, changed_facts


def fences_changed(old: AccessModel, new: AccessModel) -> Iterator[Setting]:
    """Yield the components whose pods lose their fence, or some of whose pods may lose it. The pods
    of a removed component end."""
    for key, was, now in changed_facts(old, new, FENCE, ""):
        component = new.estate.components.get(key)
        # An exported model lacks a new component without a fence, so a new fence is no change.
        if component is None or not was:
            continue
        # Other pods behind a route are reported as another answer.
        if not now or not component.exposure.endpoints:
            yield Setting("may widen", Subject(key), FENCE, was, now or None)
