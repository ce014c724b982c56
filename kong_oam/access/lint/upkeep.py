"""Find missing upkeep of a component: end dates of public rules, owner, waivers (LINT306 to
LINT309).

The functions read compiled components, so that lint and the policy pack share them. Each has its
own messages; both apply the same waivers.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from kong_oam.access.model import Component, Public, Rule
from kong_oam.oam.position import Path, SourcePosition

# The time before the end of an old credential in which lint reminds of it.
_SOON = timedelta(days=30)

_PublicRules = Iterator[tuple[Rule, Public]]


def endless(component: Component) -> _PublicRules:
    """Yield the public rules without an end date (LINT306)."""
    for rule, public in public_rules(component):
        if not public.until:
            yield rule, public


def overdue(component: Component, as_of: date) -> _PublicRules:
    """Yield the public rules past their last day (LINT307)."""
    for rule, public in public_rules(component):
        if public.until and is_over(public.until, as_of):
            yield rule, public


def is_over(until: str, as_of: date) -> bool:
    """Return whether the last day (YYYY-MM-DD) of a waiver or of a public rule is past."""
    return date.fromisoformat(until) < as_of


def ending_credentials(
    component: Component, as_of: date
) -> Iterator[tuple[str, SourcePosition]]:
    """Yield the last days of old credentials that end soon, with their positions (LINT317)."""
    identity = component.identity
    for side in (identity.before, identity.accept_before):
        if side and date.fromisoformat(side.until) - as_of <= _SOON:
            yield side.until, side.position.at("until")


def is_waived(component: Component, code: str, as_of: date) -> bool:
    """Return whether a waiver of the component accepts findings of this code."""
    return any(
        waiver.finding == code and not is_over(waiver.until, as_of)
        for waiver in component.waivers
    )


def public_rules(component: Component) -> _PublicRules:
    """Yield each public rule once, even if it has several paths."""
    by_place: dict[Path, tuple[Rule, Public]] = {}
    for rule in component.exposure.rules:
        if rule.public:
            by_place.setdefault(rule.position.path, (rule, rule.public))
    return iter(by_place.values())
