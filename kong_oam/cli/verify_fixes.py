"""The fixes of `verify`'s findings about Kong: shell commands, and the changes of access that they
make.

The effect of a command on the cluster's objects is not known, so their findings have no fix.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from kong_oam.access.diff.change import OPENING
from kong_oam.access.diff.kind import Kind
from kong_oam.cli.fix_entries import FixEntry, RepairedEntry
from kong_oam.verify import deviations
from kong_oam.verify.deviations import Deviation

if TYPE_CHECKING:
    from kong_oam.verify.stack import Reason

_AND = " && "

# The change of access that undoes a finding, by the finding's kind.
_UNDONE: dict[deviations.Kind, Kind] = {
    "opened": "revoked",
    "diverted": "answered by",
    "impersonated": "narrowed",
    "in clear": "narrowed",
    "weakened": "narrowed",
    "closed": "granted",
    "limited": "widened",
}

# A finding with its reasons.
Finding = tuple[Deviation, "tuple[Reason, ...]"]


def fix_entries(findings: Sequence[Finding]) -> list[FixEntry | None]:
    """Return the fix of each finding; None if another stack or another user has to act first.

    The commands of a fix may also repair other findings, whose changes are listed, too: a run
    repairs everything that a run can repair.
    """
    commands = [_commands(reasons) for _, reasons in findings]
    entries: list[FixEntry | None] = []
    for own in commands:
        if not own:
            entries.append(None)
            continue
        steps = _steps(own)
        changes: list[RepairedEntry] = []
        for (finding, _), needed in zip(findings, commands, strict=True):
            if needed and _steps(needed) <= steps:
                changes += _changes(finding)
        entries.append(
            {
                "commands": own,
                "grants": any(change["opens"] for change in changes),
                "changes": [*changes],
            }
        )
    return entries


def _commands(reasons: Iterable[Reason]) -> list[str]:
    """Return the commands for all reasons of a finding, each once. Empty if commands are not
    enough."""
    commands: dict[str, None] = {}
    for reason in reasons:
        if reason.stack or reason.used_by:
            return []
        if reason.remedy:
            commands[reason.remedy] = None
    return [*commands]


def _steps(commands: Iterable[str]) -> set[str]:
    """Return the single commands: a request may be followed by a run."""
    steps: set[str] = set()
    for command in commands:
        steps.update(command.split(_AND))
    return steps


def _changes(finding: Deviation) -> Iterator[RepairedEntry]:
    kind = _UNDONE[finding.kind]
    for calls in finding.exposures:
        yield {
            "kind": kind,
            "opens": kind in OPENING,
            "callers": [*calls.callers],
            "methods": [*calls.methods],
            "urls": [*calls.urls],
        }
