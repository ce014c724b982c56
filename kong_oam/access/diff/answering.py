"""Requests that stay allowed: whether another workload answers, and which callers keep access.

A component of the old estate and a component of the new estate are the same if only their names
differ. They then have the same workload in the same place, as principals do (access.diff.compare),
and the same owner, settings and pods. So renaming a component is no change, but handing its path to
another team is a change. If a setting changes together with the name, that is a change too, because
the settings of the two components are not compared (access.diff.facts).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from kong_oam.access.diff.change import RIGHTS, AffectedCaller, Answer, Subject
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.endpoint import component_key
from kong_oam.access.networks import Source, intersection
from kong_oam.access.principals import (
    MOST,
    Access,
    Condition,
    Principal,
    TooManyGroupSetsError,
    minimal,
    suffices,
)


class Answerers:
    """Compares the answering components of an old and a new estate."""

    def __init__(self, old: AccessModel, new: AccessModel) -> None:
        self._old = old
        self._new = new
        self._old_keys = {*map(component_key, old.estate.components)}
        self._new_keys = {*map(component_key, new.estate.components)}

    def differ(self, was: Answer, now: Answer) -> bool:
        """Return whether another component, another port or other pods answer."""
        if _number(was) != _number(now):
            return True
        # A second Service with the same port number renames the first port.
        if was.port != now.port and (not was.pods or was.pods != now.pods):
            return True
        if was.component == now.component:
            return bool(was.pods and now.pods and was.pods != now.pods)
        return not self._is_renamed(was, now)

    def _is_renamed(self, was: Answer, now: Answer) -> bool:
        if was.component in self._new_keys or now.component in self._old_keys:
            return False
        before = _comparable_facts(self._old, was)
        if before is None or before != _comparable_facts(self._new, now):
            return False
        return _are_same_but_for_names(was, now)


def _number(answer: Answer) -> str:
    """Return the number in a port's name: `80`, or the 80 of `80_web` if two Services have the
    port."""
    return answer.port.partition("_")[0]


def _comparable_facts(
    model: AccessModel, answer: Answer
) -> tuple[Any, ...] | None:
    """Return workload, owner and facts of the answering component, without its name and pods. None
    if the model has too little data."""
    workload = model.workloads.get(answer.component)
    facts = model.facts.get(Subject(answer.component))
    if workload is None or facts is None:
        return None
    # Rights are compared for every added or removed component (access.diff.rights).
    others = {name: value for name, value in facts.items() if name != RIGHTS}
    return workload, answer.owner, others


def _are_same_but_for_names(was: Answer, now: Answer) -> bool:
    """Return whether the pod descriptions differ only in the names of the two components.

    Each name corresponds to the name at its own place: labels with exchanged names select other
    pods.
    """
    renamed = {
        *zip(was.component.split("/"), now.component.split("/"), strict=True)
    }
    before = re.split(r"([\w./-]+)", was.pods)
    after = re.split(r"([\w./-]+)", now.pods)
    if len(before) != len(after):
        return False
    pairs = zip(before, after, strict=True)
    return all(
        word == other or (word, other) in renamed for word, other in pairs
    )


def remaining_callers(
    was: Access, now: Access, renamed: Mapping[Principal, Principal]
) -> Iterator[AffectedCaller]:
    """Yield the callers that have access before and after. `renamed` maps new principals to old
    principals."""
    networks = intersection(was.networks, now.networks)
    if networks is None:
        return
    source = Source(networks)
    if was.everybody and now.everybody:
        yield AffectedCaller(None, source=source)
    elif now.everybody:
        new_names = {before: after for after, before in renamed.items()}
        for principal, condition in was.principals.items():
            yield AffectedCaller(
                new_names.get(principal, principal),
                condition,
                source,
                until=was.until.get(principal, ""),
            )
    else:
        for principal, after in now.principals.items():
            until = now.until.get(principal, "")
            before = was.principals.get(renamed.get(principal, principal))
            if was.everybody:
                yield AffectedCaller(principal, after, source, until=until)
            elif before:
                yield AffectedCaller(
                    principal,
                    _combined(before, after, principal),
                    source,
                    until=until,
                )


def _combined(
    was: Condition, now: Condition, principal: Principal
) -> Condition:
    """Return the condition on users who meet both conditions. Raises TooManyGroupSetsError."""
    if was == now or all(suffices(groups, now) for groups in was):
        return was
    if all(suffices(groups, was) for groups in now):
        return now
    if len(was) * len(now) > MOST:
        raise TooManyGroupSetsError(
            f"users of '{principal.client}' keep access through more than {MOST:,} sets of groups: "
            "make two changes, first of the roles, then of the paths"
        )
    pairs = product(was, now)
    return minimal({groups | more for groups, more in pairs})
