"""JSON of fixes, and of lint findings with their fixes."""

from __future__ import annotations

from typing import NotRequired, TypedDict, cast

from kong_oam.access.lint.finding import LintFinding
from kong_oam.cli.changes import ChangeEntry, SettingEntry, change_entry
from kong_oam.cli.entries import FindingEntry, diagnostic_entry
from kong_oam.cli.fixes import Fix


class RepairedEntry(TypedDict):
    """A change of access at Kong, with its callers in words. Each URL includes the paths below
    it."""

    kind: str
    opens: bool
    callers: list[str]
    methods: list[str]
    urls: list[str]


class FixEntry(TypedDict):
    """The only certain fix of a finding: a `diff` for `git apply`, or `commands` for a shell.
    `changes` are all changes of access that it makes. `grants`: it gives access, may give access,
    or changes the target."""

    diff: NotRequired[str]
    commands: NotRequired[list[str]]
    grants: bool
    changes: list[ChangeEntry | SettingEntry | RepairedEntry]


class LintEntry(FindingEntry):
    """A finding of lint, with its remedy. Without a `fix`, a person decides."""

    component: str
    remedy: str
    fix: NotRequired[FixEntry]


def lint_entry(finding: LintFinding, fix: Fix | None) -> LintEntry:
    """Return a finding of lint as JSON."""
    entry = cast("LintEntry", diagnostic_entry(finding.diagnostic))
    entry["component"] = finding.component
    entry["remedy"] = finding.remedy
    diff = fix.diff if fix else None
    if fix and diff:
        entry["fix"] = {
            "diff": diff,
            "grants": fix.grants,
            "changes": [*map(change_entry, fix.changes)],
        }
    return entry
