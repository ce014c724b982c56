"""What `new` would write, with all that `check` would find in it and not in what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import kong_oam.oam.application as oam
from kong_oam.access.compile.estate import Compiled, compile_estate
from kong_oam.access.diff.change import Difference
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.facts import model_of
from kong_oam.access.lint.lint import lint
from kong_oam.access.model import Estate
from kong_oam.access.settings.values import Settings
from kong_oam.cli.estates import nobody_yet, uncalled
from kong_oam.cli.known import Known
from kong_oam.cli.scaffold import (
    Wanted,
    calls_elsewhere,
    check,
    scaffold,
)
from kong_oam.diagnostics import Diagnostics, Findings
from kong_oam.oam.position import Texts
from kong_oam.traits.kong_plugin.findings import findings as plugins_found

_LATER: Final = frozenset({"LINT312"})
"""Findings that stop nobody from writing a component: clients of what it offers come after it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The files that would change, as they would be, and all files as they are. `findings` are new;
    `changes` are those of access, None where errors leave them open. `notes` say what is left to
    do: why nobody may call the component yet, and who is to grant its calls of what is not here."""

    changed: Texts
    before: Texts
    findings: Diagnostics
    changes: tuple[Difference, ...] | None
    notes: tuple[str, ...]


def drafted(
    wanted: Wanted,
    file: str,
    reading: oam.Reading,
    compiled: Compiled,
    settings: Settings,
    read: Callable[[Texts], oam.Reading],
) -> Draft:
    """Drafts the component: `file` is the one of a new Application, `compiled` what is read,
    without an error; `read` reads other texts of what is read. Raises ScaffoldError."""
    estate = compiled.estate
    assert estate  # there is no error
    check(wanted, estate)
    changed = scaffold(
        wanted, file, reading.applications, estate, settings.as_of
    )
    before = {
        application.position.file: application.position.document.text
        for application in reading.applications
    }
    after = read({**before, **changed})
    outcome = compile_estate(after, settings.stack)
    drawn = outcome.estate
    known = Known(_findings(reading, compiled, settings))
    findings = tuple(filter(known.is_new, _findings(after, outcome, settings)))
    changes = (
        diff(model_of(estate, settings), model_of(drawn, settings))
        if drawn
        else None
    )
    notes = (
        *_unknown(drawn),
        *_unheard(wanted, drawn),
        *_ungranted(wanted, estate),
    )
    return Draft(changed, before, findings, changes, notes)


def _findings(
    reading: oam.Reading, compiled: Compiled, settings: Settings
) -> Findings:
    yield from compiled.diagnostics
    if compiled.estate:
        yield from plugins_found(settings, compiled.estate)
        for finding in lint(
            reading.applications, compiled.estate, settings.as_of
        ):
            if finding.code not in _LATER:
                yield finding.diagnostic


def _unknown(estate: Estate | None) -> Iterator[str]:
    if estate is None:
        yield "the effect on access is unknown until the errors are fixed"


def _unheard(wanted: Wanted, estate: Estate | None) -> Iterator[str]:
    """Says why nobody may call the component, where it offers something."""
    if estate and uncalled(estate, [wanted.key]):
        yield f"{nobody_yet([wanted.key])} (--caller adds both)"


def _ungranted(wanted: Wanted, estate: Estate) -> Iterator[str]:
    """Says who is to grant the calls of what is not here."""
    for callee, scopes in calls_elsewhere(wanted, estate):
        name = callee.partition("/")[0]
        yield (
            f"{callee} was not found, so its rules are not checked. Its team has to add {wanted.key} to "
            f"a role with {' and '.join(scopes)}. `check -f applications ../{name}/applications` "
            "checks both."
        )
