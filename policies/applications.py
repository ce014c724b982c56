"""Rules about the Applications, read through `access`: owners, reasons and ends of public rules.

Some are findings of lint, too (LINT306 to LINT309, `kong_oam.access.lint.upkeep`). A waiver in date
accepts the violation here, too. An expired waiver is a violation itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from kong_oam.access.lint import upkeep
from kong_oam.access.model import Component

from .deployed import Deployment
from .rule import Findings, PolicyFinding, Settings


def readable(deployment: Deployment, _: Settings) -> Findings:
    """Check that the Applications and the stack's settings beside this pack are readable: no other
    rule works without them."""
    for problem in deployment.model.problems:
        yield PolicyFinding(problem)


def held_invariants(deployment: Deployment, _: Settings) -> Findings:
    """Check that every invariant of the whole estate holds."""
    for broken in deployment.model.broken_invariants:
        yield PolicyFinding(broken)


def owned_components(deployment: Deployment, _: Settings) -> Findings:
    """Check that every component has an owner."""
    for component, _today in _unwaived(deployment, "LINT308"):
        if not component.owner:
            yield PolicyFinding(
                f"{component.key} ({component.position}) has no owner"
            )


def reasoned_public_rules(deployment: Deployment, _: Settings) -> Findings:
    """Check that every public rule gives a reason in words."""
    for component in _components(deployment):
        for rule, public in upkeep.public_rules(component):
            if not any(character.isalnum() for character in public.reason):
                yield PolicyFinding(
                    f"{component.key} ({rule.position}) is public without a reason"
                )


def ending_public_rules(deployment: Deployment, _: Settings) -> Findings:
    """Check that every public rule has an end date."""
    for component, _today in _unwaived(deployment, "LINT306"):
        for rule, public in upkeep.endless(component):
            yield PolicyFinding(
                f"{component.key} ({rule.position}) is public without an end date: "
                f"{public.reason}"
            )


def current_public_rules(deployment: Deployment, _: Settings) -> Findings:
    """Check that no public rule is past its end date, judged by the stack's asOf."""
    for component, today in _unwaived(deployment, "LINT307"):
        for rule, public in upkeep.overdue(component, today):
            yield PolicyFinding(
                f"{component.key} ({rule.position}) was public until {public.until}, but still "
                f"is on {today}"
            )


def current_waivers(deployment: Deployment, _: Settings) -> Findings:
    """Check that no waiver is past its end date, judged by the stack's asOf."""
    today = deployment.model.as_of
    for component in _components(deployment):
        for waiver in component.waivers:
            if today and upkeep.is_over(waiver.until, today):
                yield PolicyFinding(
                    f"{component.key} ({waiver.position}) has a waiver of {waiver.finding} that "
                    f"expired on {waiver.until}"
                )


def _components(deployment: Deployment) -> Iterator[Component]:
    estate = deployment.model.estate
    yield from estate.own.values() if estate else ()


def _unwaived(
    deployment: Deployment, code: str
) -> Iterator[tuple[Component, date]]:
    """Yield components without a waiver of this lint code, and the day of judgement."""
    today = deployment.model.as_of
    for component in _components(deployment):
        if today and not upkeep.is_waived(component, code, today):
            yield component, today
