"""Lint of an estate: every rule on every component, and what waivers leave of it."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Sequence

import kong_oam.oam.application as oam
from kong_oam.access.lint import rules, shadows, upkeep
from kong_oam.access.lint.finding import LintFinding, Removal, shown
from kong_oam.access.lint.subject import LintSubject, subjects
from kong_oam.access.model import Estate

CHECKS: tuple[Callable[[LintSubject], Iterator[LintFinding]], ...] = (
    rules.unused_grants,
    rules.unheld_roles,
    rules.unasked_scopes,
    shadows.shadowed_rules,
    shadows.unreachable_rules,
    rules.wide_public_rules,
    rules.endless_public_rules,
    rules.overdue_public_rules,
    rules.ownerless_components,
)


def lint(applications: tuple[oam.Application, ...], estate: Estate, as_of: datetime.date) -> tuple[LintFinding, ...]:
    """What there is to say about the estate that `applications` compiled to, on the day `as_of`: by file and line."""
    found: list[LintFinding] = []
    for subject in subjects(applications, estate, as_of):
        found += _unwaived(subject, [finding for check in CHECKS for finding in check(subject)])
    return tuple(sorted(found, key=lambda one: (one.place.file, one.place.line, one.place.column, one.code)))


def _unwaived(subject: LintSubject, findings: Sequence[LintFinding]) -> Iterator[LintFinding]:
    """A waiver accepts every finding of its code in its component, up to and including its last day."""
    codes = {finding.code for finding in findings}
    for waiver in subject.component.waivers:
        change = Removal(waiver.place)
        if waiver.finding not in codes:
            message = f"{waiver.finding} is not found here, and waived ({shown(waiver.reason)})"
            yield LintFinding("LINT310", subject.key, message, waiver.place, change)
        elif upkeep.is_over(waiver, subject.as_of):
            message = (
                f"{waiver.finding} was accepted until {waiver.until} ({shown(waiver.reason)}); today is {subject.as_of}"
            )
            yield LintFinding("LINT309", subject.key, message, waiver.place, change)
    for finding in findings:
        if not upkeep.is_waived(subject.component, finding.code, subject.as_of):
            yield finding
