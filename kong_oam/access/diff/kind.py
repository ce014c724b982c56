"""The kinds of changes of access."""

from __future__ import annotations

from typing import Any, Literal, get_args

Kind = Literal[
    "newly public",
    "granted",
    "widened",
    "answered by",
    "may widen",
    "owner",
    "narrowed",
    "revoked",
    "may narrow",
    "changed",
]

# The kinds of changes, the worst first. A request that stays allowed is `answered by` another
# target. `owner`: a component has another owner. A changed setting may widen, may narrow, or is
# `changed` if it does neither.
KINDS: tuple[Kind, ...] = get_args(Kind)


def may_widen(*_: Any) -> Kind:
    """Return the default kind of a change with unknown effects."""
    return "may widen"


def kind_of_list(was: Any, now: Any) -> Kind:
    """Return the kind of a changed list in which each further item may give access."""
    if not (isinstance(was, list) and isinstance(now, list)):
        return "may widen"
    return "may narrow" if all(item in was for item in now) else "may widen"
