"""Changes of access and principals in words: one line each, the same in the terminal, in Markdown
and in a preview."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from kong_oam.access.data import PathSegments, without
from kong_oam.access.diff.change import (
    CLOSING,
    OPENING,
    RIGHTS,
    Answer,
    Change,
    Difference,
    Exposer,
    Setting,
    Whom,
)
from kong_oam.access.diff.kind import Kind
from kong_oam.access.methods import METHODS
from kong_oam.access.networks import ANYWHERE
from kong_oam.access.paths import folded, written
from kong_oam.access.principals import ITSELF, Condition
from kong_oam.access.request_classes import Subtree
from kong_oam.diagnostics import printable

# Between a kind of change and whom it concerns; `for` of all other kinds.
_PREPOSITIONS: dict[Kind, str] = {
    "granted": "to",
    "widened": "to",
    "owner": "of",
    "revoked": "from",
}


def headline(changes: Sequence[Difference], scheme: str) -> str:
    """The worst change in one line, and how many more there are. Empty where nothing changes."""
    if not changes:
        return ""
    worst, *others = worth_telling(changes)
    callers, listed, place, _ = row(worst, scheme)
    text = label(worst)
    if worst.kind != "newly public":
        text += f" {_PREPOSITIONS.get(worst.kind, 'for')} {callers}"
    text += f": {listed} {place}" if listed else f": {place}"
    if others:
        plural = "s" if len(others) > 1 else ""
        text += f" (and {len(others)} more change{plural} of access)"
    return text


def label(change: Difference) -> str:
    """The kind of a change in a table: `granted`, or `now answered by evil/proxy`."""
    if (
        isinstance(change, Setting)
        or change.answers is None
        or change.kind != "answered by"
    ):
        return change.kind
    return f"now answered by {change.answers[1].component}"


def row(change: Difference, scheme: str) -> tuple[str, str, str, str]:
    """The cells of a change in a table: for whom, which methods (none of a setting), where or which
    setting, and a note. Everybody whom the change concerns is named."""
    place = str(change.position) if change.position else ""
    if isinstance(change, Setting):
        return concerned(change), "", setting(change), place
    requests = where(change, scheme) + answered(change)
    note = until(change) or place
    return whom(change.whom), methods(change.methods), requests, note


def answered(change: Change) -> str:
    """What answers from now on and what answered, with their owners; empty where it is the same.

    `: orders/api:8080 (team-orders) -> evil/proxy:8080 (team-e)` where nothing else changes, else
    `; now answered by evil/proxy:8080 (team-e), before orders/api:8080 (team-orders)`. The pods are
    named where nothing else of the two differs.
    """
    if change.answers is None:
        return ""
    was, now = change.answers
    pods = (was.component, was.port) == (now.component, now.port)
    before = _answer_in_words(was, pods=pods)
    after = _answer_in_words(now, pods=pods)
    if change.kind == "answered by":
        return printable(f": {before} -> {after}")
    return printable(f"; now answered by {after}, before {before}")


def _answer_in_words(answer: Answer, *, pods: bool) -> str:
    owner = f" ({answer.owner})" if answer.owner else ""
    return f"{answer.component}:{answer.port}{owner}" + (
        f", {answer.pods}" if pods else ""
    )


def worth_telling(changes: Sequence[Difference]) -> Sequence[Difference]:
    """Leave out other spellings of a path that is itself listed, and those that are refused from
    now on.

    Requests that some servers take for those of a rule are refused, so each rule that comes or goes
    changes them, too. Where nothing else changes, they are kept.
    """
    itself = set()
    for change in changes:
        if (
            isinstance(change, Change)
            and not change.region.subtree.spelled_otherwise
        ):
            itself.add((change.site, folded(change.region.subtree.path)))
    shown = [change for change in changes if _is_worth_telling(change, itself)]
    return shown or changes


def _is_worth_telling(
    change: Difference, itself: Collection[tuple[str, PathSegments]]
) -> bool:
    """Whether a change is of another spelling neither of a listed path nor one that closes."""
    if (
        not isinstance(change, Change)
        or not change.region.subtree.spelled_otherwise
    ):
        return True
    path = folded(change.region.subtree.path)
    return change.kind in OPENING and (change.site, path) not in itself


def whom(all_of_them: Sequence[Whom]) -> str:
    """Callers in words: `shop/checkout, shop/web for users in sales`."""
    return ", ".join(map(_caller_in_words, all_of_them))


def _caller_in_words(caller: Whom) -> str:
    source = f" from {caller.source}" if caller.source != ANYWHERE else ""
    if caller.principal is None:
        return f"everybody{source}"
    whose = (
        f" for users in {users(caller.condition)}"
        if caller.condition != ITSELF
        else ""
    )
    owner = f" ({caller.owner})" if caller.owner else ""
    return printable(f"{caller.principal.client}{owner}{whose}{source}")


def users(condition: Condition) -> str:
    """Groups in words: `order-desk or sales`, `(audit and desk) or sales`; empty for a client that
    calls as itself."""
    sets = sorted(
        map(sorted, condition), key=lambda groups: (len(groups), groups)
    )
    words = [*map(printable, map(" and ".join, sets))]
    if len(sets) > 1:
        words = [f"({word})" if " and " in word else word for word in words]
    return " or ".join(words)


def methods(listed: Sequence[str]) -> str:
    """Methods in words: `GET,HEAD`; `*` for all that the gateway listens to."""
    return "*" if len(listed) == len(METHODS) else ",".join(listed)


def where(change: Change, scheme: str) -> str:
    """Where a change applies: `https://orders.example.com/orders but not /orders/health`, or
    `orders/api:8080 /orders` between stacks.

    Other spellings of a declared path are refused, and not listed as exceptions.
    """
    site = (
        f"{change.site} " if "/" in change.site else f"{scheme}://{change.site}"
    )
    text = site + path(change.region.subtree)
    declared = [
        written(subtree.path)
        for subtree in change.region.exceptions
        if not subtree.spelled_otherwise
    ]
    return f"{text} but not {', '.join(declared)}" if declared else text


def path(subtree: Subtree) -> str:
    """A subtree in words: `/orders`, with all below it."""
    return written(subtree.path) + (
        " and other spellings" if subtree.spelled_otherwise else ""
    )


def until(change: Change) -> str:
    """Say when a closing change takes effect for tokens that were issued before; empty for an
    opening one, and where everybody could call and no old token counts."""
    if change.kind not in CLOSING:
        return ""
    if change.minutes is None:
        return "at once" if change.whom[0].principal else ""
    return f"tokens of before live up to {change.minutes} minutes"


def concerned(change: Setting) -> str:
    """Whom a setting, or another owner, concerns: `orders/api`, `everybody`, `clients of okta`,
    `shop/web at okta`, `pods of orders/api`, or `callers of orders/api`; with owners where all on a
    host are concerned."""
    component = change.of.component
    provider = change.of.provider
    if change.kind == "owner":
        return component
    if change.exposers:
        return printable(
            f"callers of {', '.join(map(_owned, everybody_on(change)))}"
        )
    if component and change.name == RIGHTS:
        return f"pods of {component}"
    if component:
        return (
            f"{component} at {provider}"
            if provider
            else f"callers of {component}"
        )
    return f"clients of {provider}" if provider else "everybody"


def _owned(exposer: Exposer) -> str:
    if exposer.owner:
        return f"{exposer.component} ({exposer.owner})"
    return exposer.component


def everybody_on(change: Setting) -> list[Exposer]:
    """The components on a host before and after. An owner that a change names does not stand for
    the former owner."""
    before, after = change.exposers or ((), ())
    exposers = {}
    for exposer in (*before, *after):
        exposers[exposer.component, exposer.owner or ""] = exposer
    return sorted(exposers.values())


def setting(change: Setting) -> str:
    """A setting's change in words: `gateway.scheme: https -> http`, or `redirectUris: added
    https://shop.example.com/new`; of an owner both teams."""
    difference = _difference(change.was, change.now)
    if change.kind == "owner":
        return printable(difference)
    name = change.name
    if change.of.provider and not change.of.component:
        name = f"identityProviders.{change.of.provider}.{name}"
    return printable(f"{name}: {difference}")


def _difference(was: Any, now: Any) -> str:
    if not (isinstance(was, list) and isinstance(now, list)):
        return f"{_value(was)} -> {_value(now)}"
    added = without(now, was)
    removed = without(was, now)
    words = []
    if added:
        words.append(f"added {', '.join(map(_value, added))}")
    if removed:
        words.append(f"removed {', '.join(map(_value, removed))}")
    return "; ".join(words) or "in another order"


def _value(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or "none"
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
