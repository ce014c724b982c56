"""Changes of access and principals in words: one line each, the same in the terminal, in Markdown and in a preview."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from kong_oam.access.diff.change import CLOSING, OPENING, Change, Difference, Kind, Setting, Whom
from kong_oam.access.model import METHODS
from kong_oam.access.paths import folded, written
from kong_oam.access.principals import ITSELF, Condition
from kong_oam.access.request_classes import Part
from kong_oam.diagnostics import printable

_PREPOSITIONS: dict[Kind, str] = {
    "granted": "to",
    "widened": "to",
    "may widen": "for",
    "narrowed": "for",
    "revoked": "from",
    "may narrow": "for",
    "changed": "for",
}


_NAMED, _LISTED = 3, 12
"""How many principals stand in a line, and how many sets of groups."""


def headline(changes: Sequence[Difference], scheme: str) -> str:
    """The worst change in one line, and how many more there are to be told of. Empty where nothing changes."""
    if not changes:
        return ""
    worst, *others = worth_telling(changes)
    concerned, listed, place, _ = row(worst, scheme)
    who = f" {_PREPOSITIONS[worst.kind]} {concerned}" if worst.kind in _PREPOSITIONS else ""
    rest = f" (and {len(others)} more change{'s' if len(others) > 1 else ''} of access)" if others else ""
    return f"{worst.kind}{who}: {f'{listed} ' if listed else ''}{place}{rest}"


def row(change: Difference, scheme: str) -> tuple[str, str, str, str]:
    """What a table has of a change: for whom, which methods (none of a setting), where or which setting, and a note."""
    if isinstance(change, Setting):
        return concerned(change), "", setting(change), ""
    note = until(change) or (str(change.place) if change.place else "")
    return whom(change.whom), methods(change.methods), where(change, scheme), note


def worth_telling(changes: Sequence[Difference]) -> Sequence[Difference]:
    """Without other spellings of a path that is itself told of, and without those that are refused from now on.

    Requests that some servers take for those of a rule are refused, so each rule that comes or goes changes them, too.
    Where nothing else changes, they are told of.
    """
    requests = [change for change in changes if isinstance(change, Change)]
    itself = {(c.site, folded(c.region.part.path)) for c in requests if not c.region.part.spelled_otherwise}
    told = [
        change
        for change in changes
        if not isinstance(change, Change)
        or not change.region.part.spelled_otherwise
        or (change.kind in OPENING and (change.site, folded(change.region.part.path)) not in itself)
    ]
    return told or changes


def whom(all_of_them: Sequence[Whom]) -> str:
    """`shop/checkout, shop/web for users in sales`; of many, the first three and how many more."""
    more = [f"{len(all_of_them) - _NAMED} more"] if len(all_of_them) > _NAMED else []
    return ", ".join([*map(_one, all_of_them[:_NAMED]), *more])


def _one(one: Whom) -> str:
    if one.principal is None:
        return "everybody"
    return one.principal.client + (f" for users in {users(one.condition)}" if one.condition != ITSELF else "")


def users(condition: Condition) -> str:
    """Groups in words: `order-desk or sales`, `(audit and desk) or sales`; empty for a client that calls as itself.

    Of many, the first and how many more.
    """
    sets = sorted((sorted(groups) for groups in condition), key=lambda groups: (len(groups), groups))
    words = [printable(" and ".join(groups)) for groups in sets[:_LISTED]]
    more = [f"{len(sets) - _LISTED} more"] if len(sets) > _LISTED else []
    return " or ".join([*(f"({word})" if len(sets) > 1 and " and " in word else word for word in words), *more])


def methods(listed: Sequence[str]) -> str:
    """`GET,HEAD`; `*` for all that the gateway listens to."""
    return "*" if len(listed) == len(METHODS) else ",".join(listed)


def where(change: Change, scheme: str) -> str:
    """`https://orders.example.com/orders but not /orders/health`, or `orders/api:8080 /orders` between stacks.

    Other spellings of a declared path are refused, and not listed as exceptions.
    """
    site = f"{change.site} " if "/" in change.site else f"{scheme}://{change.site}"
    declared = [written(part.path) for part in change.region.exceptions if not part.spelled_otherwise]
    return site + path(change.region.part) + (f" but not {', '.join(declared)}" if declared else "")


def path(part: Part) -> str:
    """`/orders`, with all below it."""
    return written(part.path) + (" and other spellings" if part.spelled_otherwise else "")


def until(change: Change) -> str:
    """When a change that closes takes effect for tokens that are out; empty for one that opens."""
    if change.kind not in CLOSING or change.whom[0].principal is None:
        return ""
    return "at once" if change.minutes is None else f"tokens of before live up to {change.minutes} minutes"


def concerned(change: Setting) -> str:
    """`everybody`, `clients of okta`, `shop/web at okta`, or `callers of orders/api`."""
    of = change.of
    if of.component:
        return f"{of.component} at {of.provider}" if of.provider else f"callers of {of.component}"
    return f"clients of {of.provider}" if of.provider else "everybody"


def setting(change: Setting) -> str:
    """`gateway.scheme: https -> http`, or `redirectUris: added https://shop.example.com/new`."""
    if not change.name:
        return "settings and clients cannot be compared: an earlier version exported neither"
    place = f"identityProviders.{change.of.provider}." if change.of.provider and not change.of.component else ""
    return printable(f"{place}{change.name}: {_difference(change.was, change.now)}")


def _difference(was: Any, now: Any) -> str:
    if not (isinstance(was, list) and isinstance(now, list)):
        return f"{_value(was)} -> {_value(now)}"
    listed = {"added": [one for one in now if one not in was], "removed": [one for one in was if one not in now]}
    words = (f"{verb} {', '.join(map(_value, values))}" for verb, values in listed.items() if values)
    return "; ".join(words) or "in another order"


def _value(value: Any) -> str:
    return value or "none" if isinstance(value, str | None) else json.dumps(value, ensure_ascii=False, sort_keys=True)
