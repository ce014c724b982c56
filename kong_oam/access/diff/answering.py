"""Whether a request that stays allowed is answered by something else, and for whom it stays
allowed.

A component that is only in the old estate and one that is only in the new are the same where only
the name differs. They have the same workload in the same place, as principals do
(access.diff.compare), and the same owner, settings and pods. So renaming a component is no change,
and handing its path to another team is. A setting that changes with the name is one, too: nobody
compares the settings of two components (access.diff.facts).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from kong_oam.access.diff.change import RIGHTS, Answer, Subject, Whom
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.endpoint import whole
from kong_oam.access.networks import Source, common
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
    """Tells answers of an old estate from those of a new one."""

    def __init__(self, old: AccessModel, new: AccessModel) -> None:
        self._old = old
        self._new = new
        self._old_keys = {*map(whole, old.estate.components)}
        self._new_keys = {*map(whole, new.estate.components)}

    def differ(self, was: Answer, now: Answer) -> bool:
        """Whether another component, another port or other pods answer."""
        if _number(was) != _number(now):
            return True
        # A second Service with a port of that number gives the first another name.
        if was.port != now.port and (not was.pods or was.pods != now.pods):
            return True
        if was.component == now.component:
            return bool(was.pods and now.pods and was.pods != now.pods)
        return not self._is_renamed(was, now)

    def _is_renamed(self, was: Answer, now: Answer) -> bool:
        if was.component in self._new_keys or now.component in self._old_keys:
            return False
        before = _settled(self._old, was)
        if before is None or before != _settled(self._new, now):
            return False
        return _are_same_but_for_names(was, now)


def _number(answer: Answer) -> str:
    """The number in the name of a port: `80`, or `80_web` where two Services have it."""
    return answer.port.partition("_")[0]


def _settled(model: AccessModel, answer: Answer) -> tuple[Any, ...] | None:
    """What a model says of what answers, beside its name and its pods; None where it does not say
    enough."""
    workload = model.workloads.get(answer.component)
    facts = model.facts.get(Subject(answer.component))
    if workload is None or facts is None:
        return None
    # Rights are compared of every component, whether it comes or goes (access.diff.rights).
    others = {name: value for name, value in facts.items() if name != RIGHTS}
    return workload, answer.owner, others


def _are_same_but_for_names(was: Answer, now: Answer) -> bool:
    """Whether the words about pods differ in nothing but the names of the two components.

    Each name stands for the one in its own place: labels that exchange two names select other pods.
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


def staying(
    was: Access, now: Access, renamed: Mapping[Principal, Principal]
) -> Iterator[Whom]:
    """Yield who may call before and after. `renamed` maps principals of the new side to those of
    the old."""
    networks = common(was.networks, now.networks)
    if networks is None:
        return
    source = Source(networks)
    if was.everybody and now.everybody:
        yield Whom(None, source=source)
    elif now.everybody:
        new_names = {before: after for after, before in renamed.items()}
        for principal, condition in was.principals.items():
            yield Whom(new_names.get(principal, principal), condition, source)
    else:
        for principal, after in now.principals.items():
            before = was.principals.get(renamed.get(principal, principal))
            if was.everybody:
                yield Whom(principal, after, source)
            elif before:
                yield Whom(principal, _both(before, after, principal), source)


def _both(was: Condition, now: Condition, principal: Principal) -> Condition:
    """The condition on users who meet both."""
    if was == now or all(suffices(groups, now) for groups in was):
        return was
    if all(suffices(groups, was) for groups in now):
        return now
    if len(was) * len(now) > MOST:
        raise TooManyGroupSetsError(
            f"users of '{principal.client}' who may call before and after are more than {MOST:,} "
            "sets of groups; change roles first, and where paths lead in another change"
        )
    pairs = product(was, now)
    return minimal({groups | more for groups, more in pairs})
