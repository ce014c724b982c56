"""Texts for changes of access and for principals: one line each, the same in the terminal, in
Markdown and in a preview."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from kong_oam.access.before import proof_words
from kong_oam.access.data import PathSegments, without
from kong_oam.access.diff.change import (
    CLOSING,
    FENCE,
    OPENING,
    RIGHTS,
    AffectedCaller,
    Answer,
    Change,
    Difference,
    Exposer,
    Setting,
)
from kong_oam.access.diff.kind import Kind
from kong_oam.access.methods import METHODS, is_call
from kong_oam.access.networks import ANYWHERE
from kong_oam.access.path_texts import Form
from kong_oam.access.paths import folded, written
from kong_oam.access.principals import ITSELF, Condition, Principal
from kong_oam.access.request_classes import Subtree
from kong_oam.diagnostics import printable

# The preposition between a kind of change and the callers; `for` after all other kinds.
_PREPOSITIONS: dict[Kind, str] = {
    "granted": "to",
    "widened": "to",
    "owner": "of",
    "revoked": "from",
}


def headline(changes: Sequence[Difference], scheme: str) -> str:
    """Return the worst change in one line, and the number of further changes. Empty without
    changes."""
    if not changes:
        return ""
    worst, *others = relevant_changes(changes)
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
    """Return the kind of a change for a table: `granted`, or `now answered by evil/proxy`."""
    if (
        isinstance(change, Setting)
        or change.answers is None
        or change.kind != "answered by"
    ):
        return change.kind
    return f"now answered by {change.answers[1].component}"


def row(change: Difference, scheme: str) -> tuple[str, str, str, str]:
    """Return the cells of a change in a table: callers, methods (empty for a setting), place or
    setting, and a note. All affected callers are named."""
    place = str(change.position) if change.position else ""
    if isinstance(change, Setting):
        return subject_text(change), "", setting_text(change), place
    requests = place_text(change, scheme) + answers_text(change)
    note = token_note(change) or place
    return callers_text(change.callers), methods(change.methods), requests, note


def answers_text(change: Change) -> str:
    """Return the new and the old answer with their owners; empty if they are equal.

    The text is `: orders/api:8080 (team-orders) -> evil/proxy:8080 (team-e)` if nothing else
    changes. Otherwise it is `; now answered by evil/proxy:8080 (team-e), before orders/api:8080
    (team-orders)`. Pods are named if the component and port are equal, paths at the workload if
    they differ.
    """
    if change.answers is None:
        return ""
    was, now = change.answers
    paths = was.forward != now.forward
    pods = (was.component, was.port) == (now.component, now.port)
    # A new path alone leaves the pods as they are.
    pods = pods and not (paths and was.pods == now.pods)
    before = _answer_text(was, pods=pods, paths=paths)
    after = _answer_text(now, pods=pods, paths=paths)
    if change.kind == "answered by":
        return printable(f": {before} -> {after}")
    return printable(f"; now answered by {after}, before {before}")


def _answer_text(answer: Answer, *, pods: bool, paths: bool) -> str:
    owner = f" ({answer.owner})" if answer.owner else ""
    text = f"{answer.component}:{answer.port}{owner}"
    if pods:
        text += f", {answer.pods}"
    if paths:
        text += f", {forward_text(answer.forward) or 'same path'}"
    return text


def forward_text(forward: tuple[str, str] | tuple[()]) -> str:
    """Return a forward in words: `/crm as /`. Empty without a forward."""
    return " as ".join(forward)


def relevant_changes(changes: Sequence[Difference]) -> Sequence[Difference]:
    """Leave out other spellings of a listed path, and other spellings that are now denied.

    The gate denies paths that some servers read as a rule's path, so every added or removed rule
    changes these too. If there are no other changes, all are kept.
    """
    itself = set()
    for change in changes:
        if (
            isinstance(change, Change)
            and not change.region.subtree.spelled_otherwise
        ):
            itself.add(_place(change))
    shown = [change for change in changes if _is_relevant(change, itself)]
    return shown or changes


def _is_relevant(change: Difference, itself: Collection[_Place]) -> bool:
    """Return whether a change deserves a line: it is about a declared path, or it opens another
    spelling of an unlisted path."""
    if (
        not isinstance(change, Change)
        or not change.region.subtree.spelled_otherwise
    ):
        return True
    return change.kind in OPENING and _place(change) not in itself


# A site and a subtree in small letters.
_Place = tuple[str, PathSegments, Form]


def _place(change: Change) -> _Place:
    subtree = change.region.subtree
    return change.site, folded(subtree.path), subtree.form


def callers_text(callers: Sequence[AffectedCaller]) -> str:
    """Return callers as text: `shop/checkout, shop/web for users in sales`."""
    return ", ".join(map(_caller_text, callers))


def _caller_text(caller: AffectedCaller) -> str:
    source = f" from {caller.source}" if caller.source != ANYWHERE else ""
    if caller.principal is None:
        return f"everybody{source}"
    whose = (
        f" for users in {users(caller.condition)}"
        if caller.condition != ITSELF
        else ""
    )
    owner = f" ({caller.owner})" if caller.owner else ""
    by = principal_words(caller.principal, caller.until)
    return printable(f"{caller.principal.client}{owner}{by}{whose}{source}")


def principal_words(principal: Principal, until: str) -> str:
    """Return how a principal proves itself: ` (as acme by key, until 2027-03-31)`; empty for a
    token."""
    if not principal.by:
        return ""
    return f" ({proof_words(principal.consumer, principal.by, until)})"


def users(condition: Condition) -> str:
    """Return groups as text: `order-desk or sales`, `(audit and desk) or sales`; empty for a client
    that calls as itself."""
    sets = sorted(
        map(sorted, condition), key=lambda groups: (len(groups), groups)
    )
    words = [*map(printable, map(" and ".join, sets))]
    if len(sets) > 1:
        words = [f"({word})" if " and " in word else word for word in words]
    return " or ".join(words)


def methods(listed: Sequence[str]) -> str:
    """Return methods as text: `GET,HEAD`; `*` for all HTTP methods that the gateway accepts."""
    calls = [method for method in listed if is_call(method)]
    if len(listed) - len(calls) == len(METHODS):
        return ",".join(["*", *calls])
    return ",".join(listed)


def place_text(change: Change, scheme: str) -> str:
    """Return the place of a change: `https://orders.example.com/orders but not /orders/health`, or
    `orders/api:8080 /orders` between stacks.

    Other spellings of a declared path are denied and not listed as exceptions.
    """
    site = (
        f"{change.site} " if "/" in change.site else f"{scheme}://{change.site}"
    )
    text = site + path(change.region.subtree)
    declared = [
        path(subtree)
        for subtree in change.region.exceptions
        if not subtree.spelled_otherwise
    ]
    return f"{text} but not {', '.join(declared)}" if declared else text


def path(subtree: Subtree) -> str:
    """Return a subtree as text: `/orders` means the path and everything below it, `/orders*` all
    paths that begin with this text."""
    text = written(subtree.path) + _FORMS[subtree.form]
    return f"{text} and other spellings" if subtree.spelled_otherwise else text


_FORMS: dict[Form, str] = {"": "", "begins": "*", "exactly": " exactly"}


def token_note(change: Change) -> str:
    """Return when a closing change takes effect for existing tokens.

    The note is empty for an opening change, and if everybody could call and no old token works.
    """
    if change.kind not in CLOSING:
        return ""
    if change.minutes is None:
        return "at once" if change.callers[0].principal else ""
    return f"old tokens work up to {change.minutes} minutes"


def subject_text(change: Setting) -> str:
    """Return the subject of a changed setting or owner: `orders/api`, `everybody`, `clients of
    okta`, `shop/web at okta`, `pods of orders/api`, or `callers of orders/api`.

    Owners are added if all components of a host are affected.
    """
    component = change.of.component
    provider = change.of.provider
    if change.kind == "owner":
        return component
    if change.connection:
        return printable(change.connection[1])
    if change.exposers:
        return printable(
            f"callers of {', '.join(map(_with_owner, all_exposers(change)))}"
        )
    if component and change.name in (RIGHTS, FENCE):
        return f"pods of {component}"
    if component:
        return (
            f"{component} at {provider}"
            if provider
            else f"callers of {component}"
        )
    return f"clients of {provider}" if provider else "everybody"


def _with_owner(exposer: Exposer) -> str:
    if exposer.owner:
        return f"{exposer.component} ({exposer.owner})"
    return exposer.component


def all_exposers(change: Setting) -> list[Exposer]:
    """Return the components on a host before and after. A component with a changed owner appears
    with both owners."""
    before, after = change.exposers or ((), ())
    exposers = {}
    for exposer in (*before, *after):
        exposers[exposer.component, exposer.owner or ""] = exposer
    return sorted(exposers.values())


def setting_text(change: Setting) -> str:
    """Return a setting's change as text: `gateway.scheme: https -> http`, or `redirectUris: added
    https://shop.example.com/new`. For a changed owner: both teams. For a connection: its port, and
    its changed pods."""
    difference = _difference(change.was, change.now)
    if change.kind == "owner":
        return printable(difference)
    name = change.name
    if change.connection:
        port, _ = change.connection
        name = f"connects to {port} of {change.of.component}, no token, not recorded"
        if change.kind in ("granted", "revoked"):
            return printable(name)
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
