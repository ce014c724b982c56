"""The fixes of lint findings: an edited file each, and the exact change of access.

An edit that removes what no decision uses changes no access. For all other edits, the Applications
are compiled again with the edited files, and compared as `diff` does. Edits of several files are
compared at once if each change belongs to one of the files.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kong_oam.access.absent import with_absent_clients
from kong_oam.access.compile.estate import Compiled, compile_estate
from kong_oam.access.diff.change import Difference, Setting, opens
from kong_oam.access.diff.compare import diff
from kong_oam.access.diff.facts import model_of
from kong_oam.access.diff.model import AccessModel
from kong_oam.access.lint.finding import EditedFile, LintFinding
from kong_oam.access.memory import Memory
from kong_oam.access.model import Estate
from kong_oam.access.settings.values import Settings
from kong_oam.cli.estates import reading_of
from kong_oam.oam import edit
from kong_oam.oam.application import Reading, ReadOne, read_bytes
from kong_oam.oam.model import OwnTypes
from kong_oam.oam.position import Texts
from kong_oam.render.stage import Renderer

# The most edits that are compared for an answer, and the most components that are compiled for
# them. A finding beyond has no fix until others are fixed.
_COMPARED = 250
_COMPILED = 4000

# The changes of access by the edited file.
_ByFile = dict[str, list[Difference]]


@dataclass(frozen=True, slots=True)
class Fix:
    """A certain fix of a finding: the edited file, and the changes of access that it makes."""

    edited: EditedFile
    changes: tuple[Difference, ...]

    @property
    def diff(self) -> str | None:
        """A unified diff for `git apply`, with a path below the working directory. None for a file
        elsewhere."""
        name = os.path.relpath(self.edited.file)
        if name.startswith(os.pardir):
            return None
        return edit.unified(
            name, self.edited.before, self.edited.after, ("a/", "b/")
        )

    @property
    def grants(self) -> bool:
        """Whether the fix gives access, or changes the target that answers."""
        return any(map(opens, self.changes))


# By the index of their finding.
Fixes = Mapping[int, Fix]
_Edits = Mapping[int, EditedFile]


NO_EDITS: Texts = {}


class EditedApplications:
    """The Applications of a check, to be compiled again with edited files.

    Unchanged files are read once.
    """

    def __init__(
        self,
        names: Sequence[str],
        settings: Settings,
        read_one: ReadOne,
        renderer: Renderer,
        memory: Memory,
    ) -> None:
        self.settings = settings
        self.memory = memory
        # The texts of changed files, by their names.
        self.texts: dict[str, str] = {}
        self._names = names
        self._read_one = read_one
        self._renderer = renderer
        self._readings: dict[str, tuple[OwnTypes, Reading]] = {}

    def reading(self, edits: Texts = NO_EDITS) -> Reading:
        """Read and render the Applications, with the text of each edited file by its name."""
        texts = {**self.texts, **edits}

        def read_one(file: Path, name: str, own: OwnTypes) -> Reading:
            if name in texts:
                return read_bytes(name, texts[name].encode(), own)
            known = self._readings.get(name)
            if known is None or known[0] != own:
                known = own, self._read_one(file, name, own)
                self._readings[name] = known
            return known[1]

        return reading_of(
            self._names,
            self.settings,
            read_one=read_one,
            renderer=self._renderer,
        )

    def compiled(self, edits: Texts) -> Compiled:
        """Compile the Applications with the edited files."""
        return compile_estate(
            self.reading(edits), self.settings.stack, self.memory
        )

    def model(self, estate: Estate) -> AccessModel:
        """Return the model of an estate of these Applications, as `diff` compares it."""
        return model_of(with_absent_clients(estate), self.settings)


def fixes_of(
    findings: Sequence[LintFinding],
    estate: Estate,
    applications: EditedApplications,
) -> Fixes:
    """Return the certain fixes of findings in the estate of these Applications, by their index."""
    fixes: dict[int, Fix] = {}
    uncertain: dict[str, dict[int, EditedFile]] = {}
    left = _COMPARED
    for index, finding in enumerate(findings):
        if not finding.kind.neutral and not left:
            continue
        edited = finding.edited()
        if edited is None:
            continue
        if finding.kind.neutral:
            fixes[index] = Fix(edited, ())
        else:
            left -= 1
            uncertain.setdefault(finding.code, {})[index] = edited
    if uncertain:
        comparison = _Comparison(estate, applications)
        for edits in uncertain.values():
            fixes.update(comparison.fixes(edits))
    return fixes


class _Comparison:
    """Compares an estate with the estates after edits, as long as this takes little
    time."""

    def __init__(
        self, estate: Estate, applications: EditedApplications
    ) -> None:
        self._estate = estate
        self._applications = applications
        self._model = applications.model(estate)
        components = len(estate.components) or 1
        self._left = max(1, _COMPILED // components)

    def fixes(self, edits: _Edits) -> Fixes:
        """Return the fixes of findings of one code. An edit with an error is no fix."""
        fixes: dict[int, Fix] = {}
        waiting = dict(edits)
        is_alone = False
        while waiting and self._left:
            self._left -= 1
            batch = _one_a_file(waiting)
            if is_alone:
                batch = dict([next(iter(batch.items()))])
            by_file = self._changes([*batch.values()])
            if by_file is None and len(batch) > 1:
                is_alone = True
                continue
            for index, edited in batch.items():
                del waiting[index]
                if by_file is not None:
                    changes = by_file.get(edited.file, ())
                    fixes[index] = Fix(edited, tuple(changes))
        return fixes

    def _changes(self, edits: Sequence[EditedFile]) -> _ByFile | None:
        """Return the changes of edits by their file. None if an edit makes an error, or if a change
        may belong to several edits."""
        texts = {edited.file: edited.after for edited in edits}
        after = self._applications.compiled(texts).estate
        if after is None:
            return None
        changes = diff(self._model, self._applications.model(after))
        if len(edits) == 1:
            return {edits[0].file: [*changes]}
        by_file: _ByFile = {}
        for change in changes:
            file = self._file_of(change)
            if file not in texts:
                return None
            by_file.setdefault(file, []).append(change)
        return by_file

    def _file_of(self, change: Difference) -> str:
        """Return the file of the component whose setting or connection changes; empty for all other
        changes."""
        if not isinstance(change, Setting):
            return ""
        component = self._estate.components.get(change.of.component)
        return component.position.file if component else ""


def _one_a_file(edits: _Edits) -> _Edits:
    """Return the first edit of each file."""
    first: dict[str, int] = {}
    for index, edited in edits.items():
        first.setdefault(edited.file, index)
    return {index: edits[index] for index in first.values()}
