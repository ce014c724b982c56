"""Changes of access and principals in words: one line each, the same in the terminal, in Markdown and in a preview."""

from __future__ import annotations

from collections.abc import Sequence

from access.change import CLOSING, OPENING, Change, Kind, Whom
from access.model import METHODS, folded
from access.partition import Part
from access.paths import written
from access.principals import ITSELF, Condition
from oam.diagnostics import printable

_PREPOSITIONS: dict[Kind, str] = {"granted": "to", "widened": "to", "narrowed": "for", "revoked": "from"}


_NAMED, _LISTED = 3, 12
"""How many principals stand in a line, and how many sets of groups."""


def headline(changes: Sequence[Change], scheme: str) -> str:
    """The worst change in one line, and how many more there are to be told of. Empty where nothing changes."""
    if not changes:
        return ""
    worst, *others = worth_telling(changes)
    who = f" {_PREPOSITIONS[worst.kind]} {whom(worst.whom)}" if worst.kind in _PREPOSITIONS else ""
    rest = f" (and {len(others)} more change{'s' if len(others) > 1 else ''} of access)" if others else ""
    return f"{worst.kind}{who}: {methods(worst.methods)} {where(worst, scheme)}{rest}"


def worth_telling(changes: Sequence[Change]) -> Sequence[Change]:
    """Without other capitals of a path that is itself told of, and without those that are refused from now on.

    Requests in other capitals than a rule's are refused, so each rule that comes or goes changes them, too. Where
    nothing else changes, they are told of.
    """
    itself = {(c.site, folded(c.region.part.path)) for c in changes if not c.region.part.spelled_otherwise}
    told = [
        change
        for change in changes
        if not change.region.part.spelled_otherwise
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

    What differs from a declared path in capitals only is refused, and not listed as an exception.
    """
    site = f"{change.site} " if "/" in change.site else f"{scheme}://{change.site}"
    declared = [written(part.path) for part in change.region.exceptions if not part.spelled_otherwise]
    return site + path(change.region.part) + (f" but not {', '.join(declared)}" if declared else "")


def path(part: Part) -> str:
    """`/orders`, with all below it."""
    return written(part.path) + (" and other capitals" if part.spelled_otherwise else "")


def until(change: Change) -> str:
    """When a change that closes takes effect for tokens that are out; empty for one that opens."""
    if change.kind not in CLOSING or change.whom[0].principal is None:
        return ""
    return "at once" if change.minutes is None else f"tokens of before live up to {change.minutes} minutes"
