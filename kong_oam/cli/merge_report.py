"""Run `merge`: the report of all collisions, and the patch with the renames."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from pathlib import Path

from kong_oam.access.merge.collision import Collision, Collisions
from kong_oam.access.merge.collisions import Choices, find_collisions
from kong_oam.access.merge.crossing import Crossing
from kong_oam.access.merge.renames import (
    LONGEST_PREFIX,
    PREFIX,
    default_prefix,
)
from kong_oam.access.merge.side import MergeSide
from kong_oam.access.merge.together import Remaining, remaining
from kong_oam.cli.command import FOUND, OK, UsageError, quoted
from kong_oam.cli.console import Console, print_note
from kong_oam.cli.crossing import crossing_entry, print_crossing
from kong_oam.cli.entries import diagnostic_entry, place_entry
from kong_oam.cli.merge_answer import CollisionEntry, MergeAnswer
from kong_oam.cli.merge_sides import (
    MergeFolder,
    Patch,
    first_settings,
    patch,
)
from kong_oam.diagnostics import Diagnostic, Diagnostics, Position
from kong_oam.oam.position import FilePlace, Texts

_CROSSES = (
    "These would cross. Write an access trait with scopes for the called component, or use a group "
    "in one estate only:"
)
_HEADER = ("COLLISION", "NAME", "IN A", "IN B", "AFTER THE PATCH")


@dataclass(frozen=True, slots=True)
class _Report:
    """The collisions, and the problems that remain after the patch."""

    collisions: Collisions
    findings: Diagnostics = ()
    crossing: Crossing = field(default_factory=Crossing)

    @property
    def by_hand(self) -> int:
        """The number of entries that the patch does not resolve."""
        by_hand = [each for each in self.collisions if not each.new]
        crossing = self.crossing
        parts = crossing.calls, crossing.groups, crossing.connections
        return len(by_hand) + len(self.findings) + sum(map(len, parts))

    @property
    def renamed(self) -> int:
        return sum(1 for each in self.collisions if each.new)


def run_merge(options: Namespace, console: Console) -> int:
    """Run `merge`, and return the exit status."""
    a_folder = MergeFolder("A", Path(options.a), options.stack, Path(options.b))
    b_folder = MergeFolder(
        "B", Path(options.b), options.stack_of_b, Path(options.a)
    )
    settings_a, settings_b = first_settings(a_folder, b_folder)
    a = a_folder.side(settings_a)
    b = b_folder.side(settings_b)
    choices = Choices(
        _prefix(options.prefix, b_folder),
        options.same_group,
        options.same_namespace,
    )
    collisions, renames = find_collisions(a, b, choices)
    made = patch(b_folder, b, renames)
    if made.by_hand:
        report = _Report((*collisions, *map(_uneditable, made.by_hand)))
    else:
        renamed = b_folder.renamed(b, made.texts)
        left = remaining(a, b, renames, renamed)
        report = _report(collisions, b, left, made)
    if options.output and made.text:
        options.output.write_bytes(made.text.encode())
    if console.json:
        console.print_json(_document(report))
    else:
        _print(report, a.settings.stack.scheme, console)
        if options.output:
            print_note(_patch_note(made, options))
    return FOUND if report.renamed or report.by_hand else OK


def _prefix(prefix: str | None, folder: MergeFolder) -> str:
    if prefix is None:
        return default_prefix(folder.folder.resolve().name)
    if len(prefix) > LONGEST_PREFIX or not PREFIX.match(prefix):
        raise UsageError(
            f"--prefix {quoted(prefix)} cannot begin a name: write at most {LONGEST_PREFIX} small "
            "letters, digits and single dashes, and begin with a letter"
        )
    return prefix


def _uneditable(file: str) -> Collision:
    """Return the entry for a file that no patch can hold. The other problems are unknown then."""
    remedy = "write its YAML aliases out, or move it into B's folder; then run merge again"
    return Collision("file", file, None, None, remedy=remedy)


def _report(
    collisions: Collisions, b: MergeSide, left: Remaining, made: Patch
) -> _Report:
    before = {document.file: document.text for document in b.documents}
    findings = [
        _at_original(each, before, made.texts) for each in left.findings
    ]
    return _Report((*collisions, *left.hosts), tuple(findings), left.crossing)


def _at_original(
    diagnostic: Diagnostic, before: Texts, after: Texts
) -> Diagnostic:
    """Return a finding with its position in the file before the patch."""
    position = diagnostic.position
    if position is None or position.file not in before:
        return diagnostic
    old = before[position.file]
    line = _original_line(old, after[position.file], position.line)
    place = FilePlace(position.file, line, position.column, old)
    return replace(diagnostic, position=place)


def _original_line(old: str, new: str, line: int) -> int:
    """Return the line of the old text that became a line of the new text. The patch only changes
    and adds lines."""
    if old == new:
        return line
    matcher = SequenceMatcher(
        None, old.splitlines(), new.splitlines(), autojunk=False
    )
    for _, start, end, new_start, new_end in matcher.get_opcodes():
        if new_start < line <= new_end:
            return min(start + line - new_start, max(end, 1))
    return line


def _print(report: _Report, scheme: str, console: Console) -> None:
    if report.collisions:
        console.print_table(_HEADER, map(_row, report.collisions))
    for finding in report.findings:
        console.print(finding)
    if report.crossing:
        console.print(*[""] * bool(report.collisions or report.findings))
        console.print(_CROSSES)
    print_crossing(report.crossing, scheme, console)
    if report.renamed or report.by_hand:
        console.print("")
    console.print(*_summary(report))


def _row(collision: Collision) -> tuple[str, str, str, str, str]:
    result = collision.new or f"by hand: {collision.remedy}"
    return (
        collision.kind,
        collision.name,
        _place(collision.a),
        _place(collision.b),
        result,
    )


def _place(position: Position | None) -> str:
    return str(position) if position else "-"


def _summary(report: _Report) -> Iterator[str]:
    if not report.renamed and not report.by_hand:
        yield "no collision"
        return
    yield (
        f"{report.renamed} collision(s) for the patch (-o FILE writes it), "
        f"{report.by_hand} by hand"
    )


def _patch_note(made: Patch, options: Namespace) -> str:
    if made.by_hand:
        return (
            f"{options.output} is not written: a patch cannot hold all renames"
        )
    if not made.text:
        return f"nothing to rename: {options.output} is not written"
    return f"{options.output} has the renames: apply it in {options.b} with `git apply`"


def _document(report: _Report) -> MergeAnswer:
    return {
        "collisions": [_entry(each) for each in report.collisions],
        "findings": [diagnostic_entry(each) for each in report.findings],
        "crossing": crossing_entry(report.crossing),
    }


def _entry(collision: Collision) -> CollisionEntry:
    return {
        "kind": collision.kind,
        "name": collision.name,
        "a": place_entry(collision.a),
        "b": place_entry(collision.b),
        "new": collision.new or None,
        "remedy": collision.remedy or None,
    }
