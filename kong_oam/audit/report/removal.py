"""Write the removal of lines as changes of the files with Applications."""

from __future__ import annotations

from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field

from kong_oam.access.data import Names
from kong_oam.access.diff.change import OPENING, Difference
from kong_oam.access.diff.wording import relevant_changes
from kong_oam.access.model import Estate
from kong_oam.audit.report.entries import (
    Edits,
    credential_entries,
    edits_of,
    place_of,
)
from kong_oam.audit.report.lines import LineKey
from kong_oam.oam.edit import (
    Added,
    scalar,
    unified,
    with_edits,
    without_entries,
)
from kong_oam.oam.position import NO_POSITION, Path, Texts

# The old and the new texts of files, by name.
_Edited = dict[str, tuple[str, str]]

# Returns the first problem of an estate with these texts in place of its files, and without these
# lines; empty without a problem.
Check = Callable[[Texts, Collection[LineKey]], str]

_NO_RULES = "write an access trait with scopes and rules"
_ELSEWHERE = "its Application is not here; name its folder with -f"


@dataclass(frozen=True, slots=True)
class ByHand:
    """Why no patch removes a line, and the place to edit as file:line, empty if it is unknown."""

    reason: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Removal:
    """The removal of lines as unified diffs for `git apply`, and lines to remove by hand."""

    diffs: Names = ()
    removed: tuple[LineKey, ...] = ()
    by_hand: Mapping[LineKey, ByHand] = field(default_factory=dict)


def removal_of(
    estate: Estate, keys: Iterable[LineKey], check: Check
) -> Removal:
    """Return the removal of lines from the files of an estate.

    `check` judges each result. If it finds a problem with all lines, each line is tried alone.
    """
    keys = tuple(keys)
    reasons: dict[LineKey, str] = {}
    for key in keys:
        if reason := _reason(estate, key, keys):
            reasons[key] = reason
    wanted = _others(keys, reasons)
    files, problem = _attempt(estate, wanted, check)
    if problem:
        for alone in _units(estate, wanted):
            _, reason = _attempt(estate, alone, check)
            if reason:
                reasons.update(dict.fromkeys(alone, reason))
        wanted = _others(keys, reasons)
        files, problem = _attempt(estate, wanted, check)
    if problem:
        reasons.update(dict.fromkeys(wanted, problem))
        wanted = ()
        files = {}
    by_hand = {}
    for key, reason in reasons.items():
        by_hand[key] = ByHand(reason, place_of(estate, key))
    return Removal(tuple(_diffs(files)), wanted, by_hand)


def _others(
    keys: Iterable[LineKey], reasons: Collection[LineKey]
) -> tuple[LineKey, ...]:
    return tuple(key for key in keys if key not in reasons)


def _units(
    estate: Estate, keys: Collection[LineKey]
) -> Iterable[list[LineKey]]:
    """Return the lines to try alone. Old credentials of one entry go together."""
    units: dict[object, list[LineKey]] = {}
    for key in keys:
        unit: object = key
        if key.kind == "old credential":
            unit = tuple(credential_entries(estate, key, keys))
        units.setdefault(unit, []).append(key)
    return units.values()


def _reason(
    estate: Estate, key: LineKey, keys: Collection[LineKey]
) -> str | None:
    """Return why no edit removes a line, or None."""
    if key.kind == "any token":
        return _NO_RULES
    if key.kind != "old credential" or credential_entries(estate, key, keys):
        return None
    accepted = estate.components[key.component].identity.accept_before
    position = accepted.position if accepted else NO_POSITION
    place = f"{position.file}:{position.line}"
    return (
        f"its `before`, and `acceptBefore` at {place}, give other lines, too; revoke these lines "
        "as well"
    )


def _attempt(
    estate: Estate, keys: Collection[LineKey], check: Check
) -> tuple[_Edited, str]:
    """Return the files without these lines, and the first problem, or empty."""
    if not keys:
        return {}, ""
    files: _Edited = {}
    for file, edits in edits_of(estate, keys).items():
        if not file:
            return {}, _ELSEWHERE
        edited = _with_edits(edits)
        if edited is None:
            return {}, f"{file} cannot be edited safely"
        files[file] = edits.document.text, edited
    texts = {file: after for file, (_, after) in files.items()}
    return files, check(texts, keys)


def _diffs(files: _Edited) -> Iterator[str]:
    for file, (before, after) in sorted(files.items()):
        if diff := unified(file, before, after, ("a/", "b/")):
            yield diff


def opened(changes: Sequence[Difference]) -> list[Difference]:
    """Return the changes that open a path to somebody, without other spellings of closed paths."""
    return [
        change for change in relevant_changes(changes) if change.kind in OPENING
    ]


def _with_edits(edits: Edits) -> str | None:
    """Return the text of a file with all edits, or None."""
    document = edits.document
    text: str | None = document.text
    added: dict[int, list[Added]] = {}
    for position, paths in edits.kept:
        listed = ", ".join(map(scalar, paths))
        entry = ("paths", f"[{listed}]")
        of_document = added.setdefault(position.document.index, [])
        of_document.append(Added(position.path, (entry,)))
    if added:
        text = with_edits(document.file, document.text, added)
    gone: dict[int, list[Path]] = {}
    for position in edits.gone:
        gone.setdefault(position.document.index, []).append(position.path)
    return None if text is None else without_entries(document.file, text, gone)
