"""Rules about what the Applications say, read through `access`: who answers for it, why it is public, until when."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from kong_oam.access.model import Component, Public, Rule

from .deployed import Deployment
from .rule import Finding, Settings


def readable(deployment: Deployment, _: Settings) -> Iterator[Finding]:
    """The Applications and the stack's settings beside this pack can be read: no rule here judges without them."""
    for problem in deployment.model.problems:
        yield Finding(problem)


def owned_components(deployment: Deployment, _: Settings) -> Iterator[Finding]:
    """A team answers for every component."""
    for component in _components(deployment):
        if not component.owner:
            yield Finding(f"{component.key} ({component.place}) has no owner")


def reasoned_public_rules(deployment: Deployment, _: Settings) -> Iterator[Finding]:
    """Every public rule says why, in words."""
    for component, rule, public in _public(deployment):
        if not any(character.isalnum() for character in public.reason):
            yield Finding(f"{component.key} ({rule.place}) is public for no reason")


def ending_public_rules(deployment: Deployment, _: Settings) -> Iterator[Finding]:
    """Every public rule says until when it is meant."""
    for component, rule, public in _public(deployment):
        if not public.until:
            yield Finding(f"{component.key} ({rule.place}) is public without an end: {public.reason}")


def current_public_rules(deployment: Deployment, _: Settings) -> Iterator[Finding]:
    """No public rule is past the day until which it is meant, judged by the stack's asOf."""
    today = deployment.model.as_of
    for component, rule, public in _public(deployment):
        if public.until and today and datetime.date.fromisoformat(public.until) < today:
            yield Finding(
                f"{component.key} ({rule.place}) was to be public until {public.until}; it still is on {today}"
            )


def current_waivers(deployment: Deployment, _: Settings) -> Iterator[Finding]:
    """No waiver is past its day, judged by the stack's asOf: what it accepted is to be mended, or accepted again."""
    today = deployment.model.as_of
    for component in _components(deployment):
        for waiver in component.waivers:
            if today and datetime.date.fromisoformat(waiver.until) < today:
                yield Finding(f"{component.key} ({waiver.place}) waived {waiver.finding} until {waiver.until}")


def _components(deployment: Deployment) -> Iterator[Component]:
    estate = deployment.model.estate
    yield from estate.components.values() if estate else ()


def _public(deployment: Deployment) -> Iterator[tuple[Component, Rule, Public]]:
    """Each public rule once, though it may stand for several paths."""
    seen = set()
    for component in _components(deployment):
        for rule in component.rules:
            if rule.public and str(rule.place) not in seen:
                seen.add(str(rule.place))
                yield component, rule, rule.public
