"""The text that `new` writes, and its new findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from kong_oam.access.compile.estate import Compiled, compile_estate
from kong_oam.access.diff.change import Difference
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.facts import model_of
from kong_oam.access.lint.lint import lint
from kong_oam.access.model import Estate
from kong_oam.access.settings.values import Settings
from kong_oam.cli.estates import no_callers_note, without_clients
from kong_oam.cli.known_findings import KnownFindings
from kong_oam.cli.scaffold import (
    ComponentSpec,
    calls_elsewhere,
    check,
    scaffold,
)
from kong_oam.diagnostics import Diagnostics, Findings
from kong_oam.oam.application import Reading
from kong_oam.oam.position import Texts
from kong_oam.traits.kong_plugin.findings import findings as plugins_found

_IGNORED: Final = frozenset({"LINT312"})
"""Findings that do not stop `new`: a new component has no clients yet."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The changed files with their new texts, and all files before the change. `findings` are new.
    `changes` are changes of access, or None if there are errors. `notes` are remaining tasks:
    callers of the component, and grants in missing Applications."""

    changed: Texts
    before: Texts
    findings: Diagnostics
    changes: tuple[Difference, ...] | None
    notes: tuple[str, ...]


def draft_component(
    spec: ComponentSpec,
    file: str,
    reading: Reading,
    compiled: Compiled,
    settings: Settings,
    read: Callable[[Texts], Reading],
) -> Draft:
    """Draft the component. `file` is the file of a new Application. `compiled` is the result of
    `reading`, without errors. `read` reads other texts of the same files. Raises ScaffoldError."""
    estate = compiled.estate
    assert estate  # no errors
    check(spec, estate)
    changed = scaffold(spec, file, reading.applications, estate, settings.as_of)
    before = {
        application.position.file: application.position.document.text
        for application in reading.applications
    }
    after = read({**before, **changed})
    outcome = compile_estate(after, settings.stack)
    drafted_estate = outcome.estate
    known = KnownFindings(_findings(reading, compiled, settings))
    findings = tuple(filter(known.is_new, _findings(after, outcome, settings)))
    changes = (
        diff(model_of(estate, settings), model_of(drafted_estate, settings))
        if drafted_estate
        else None
    )
    notes = (
        *_note_on_access(spec, drafted_estate),
        *_notes_on_grants(spec, estate),
    )
    return Draft(changed, before, findings, changes, notes)


def _findings(
    reading: Reading, compiled: Compiled, settings: Settings
) -> Findings:
    yield from compiled.diagnostics
    if compiled.estate:
        yield from plugins_found(settings, compiled.estate)
        for finding in lint(
            reading.applications, compiled.estate, settings.as_of
        ):
            if finding.code not in _IGNORED:
                yield finding.diagnostic


def _note_on_access(
    spec: ComponentSpec, estate: Estate | None
) -> Iterator[str]:
    """Yield why access is unknown, or why nobody may call a component with scopes."""
    if estate is None:
        yield "the effect on access is unknown until the errors are fixed"
    elif without_clients(estate, [spec.key]):
        yield f"{no_callers_note([spec.key])} (--caller adds both)"


def _notes_on_grants(spec: ComponentSpec, estate: Estate) -> Iterator[str]:
    """Yield a note for each call to a missing Application, which has to grant the call."""
    for callee, scopes in calls_elsewhere(spec, estate):
        name = callee.partition("/")[0]
        yield (
            f"{callee} has no files here: ask its team to add {spec.key} to a role with "
            f"{' and '.join(scopes)}; `check -f applications ../{name}/applications` checks both"
        )
