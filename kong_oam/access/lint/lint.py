"""Lint an estate: run every lint rule on every component, and apply the waivers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from itertools import chain
from operator import attrgetter

import kong_oam.oam.model as oam
from kong_oam.access.lint import closed, rules, shadows, split, tools, upkeep
from kong_oam.access.lint.finding import (
    KINDS,
    LintFinding,
    LintFindings,
    removal,
    shown,
)
from kong_oam.access.lint.subject import LintSubject
from kong_oam.access.lint.subjects import subjects
from kong_oam.access.memory import Memory
from kong_oam.access.model import Estate

CHECKS: tuple[Callable[[LintSubject], LintFindings], ...] = (
    rules.unused_grants,
    rules.unheld_roles,
    rules.doubtful_groups,
    closed.closed_roles,
    split.split_roles,
    rules.unasked_scopes,
    shadows.shadowed_rules,
    shadows.unreachable_rules,
    shadows.idle_refusals,
    rules.wide_public_rules,
    rules.endless_public_rules,
    rules.overdue_public_rules,
    rules.ending_credentials,
    rules.ownerless_components,
    rules.redirectable_upstreams,
    tools.unread_paths,
)


def lint(
    applications: tuple[oam.Application, ...],
    estate: Estate,
    as_of: date,
    memory: Memory | None = None,
) -> tuple[LintFinding, ...]:
    """Lint the `estate` of `applications` as of the date `as_of`. Return findings by file and line.

    A `memory` skips components whose input to the lint rules did not change.
    """
    memory = memory or Memory()
    findings = list[LintFinding]()
    for subject in subjects(applications, estate, as_of):
        inputs = (
            estate.stack,
            as_of,
            subject.grants,
            subject.holders,
            subject.hosts,
            subject.doubtful_groups,
            subject.missing_connections,
        )
        findings += memory.recall(
            "lint", subject.part, inputs, partial(_findings, subject)
        )
    order = attrgetter(
        "position.file", "position.line", "position.column", "code"
    )
    return tuple(sorted(findings, key=order))


def _findings(subject: LintSubject) -> tuple[LintFinding, ...]:
    findings = [*chain.from_iterable(check(subject) for check in CHECKS)]
    findings += subject.missing_connections
    return tuple(_unwaived(subject, findings))


def _unwaived(
    subject: LintSubject, findings: Sequence[LintFinding]
) -> LintFindings:
    """Yield the findings that no waiver accepts, and findings about waivers.

    A waiver accepts each finding of its code in its component, up to and including its last day.
    """
    codes = {finding.code for finding in findings}
    for waiver in subject.component.waivers:
        change = removal(waiver.position)
        is_recorded = KINDS[waiver.finding].recorded
        if waiver.finding not in codes and not is_recorded:
            message = f"{waiver.finding} is waived ({shown(waiver.reason)}), but not found here"
            yield LintFinding(
                "LINT310", subject.key, message, waiver.position, change
            )
        elif upkeep.is_over(waiver.until, subject.as_of):
            message = (
                f"{waiver.finding} was accepted until {waiver.until} "
                f"({shown(waiver.reason)}); today is {subject.as_of}"
            )
            yield LintFinding(
                "LINT309", subject.key, message, waiver.position, change
            )
    for finding in findings:
        if not upkeep.is_waived(subject.component, finding.code, subject.as_of):
            yield finding
