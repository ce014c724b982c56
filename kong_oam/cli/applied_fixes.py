"""Apply the fixes of lint findings to the files. Fixes that may give access are left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from kong_oam.access.compile.estate import Compiled
from kong_oam.access.diff.change import opens
from kong_oam.access.diff.compare import diff
from kong_oam.access.lint.finding import EditedFile, LintFinding
from kong_oam.access.model import Estate
from kong_oam.cli.fixes import EditedApplications
from kong_oam.cli.writing import write_all
from kong_oam.oam.application import Reading

# Compiles and lints the Applications.
Judge = Callable[[Reading], tuple[Compiled, tuple[LintFinding, ...]]]


def apply_fixes(
    applications: EditedApplications,
    judge: Judge,
    is_fixed: Callable[[LintFinding], bool],
) -> int:
    """Write the fixes of the findings that `is_fixed` selects. Return the number of fixes.

    Each round edits each file once, because further positions have moved. A round that makes an
    error or gives access is repeated with single edits. Raises UsageError if a file changed in the
    meantime.
    """
    refused: set[str] = set()
    before: dict[str, str] = {}
    fixed = 0
    is_alone = False
    compiled, findings = judge(applications.reading())
    while compiled.estate:
        edits = _edits(filter(is_fixed, findings), refused)
        if is_alone:
            edits = edits[:1]
        if not edits:
            break
        texts = {edited.file: edited.after for edited in edits}
        after, remaining = judge(applications.reading(texts))
        is_safe = after.estate and not _opens(
            compiled.estate, after.estate, applications
        )
        if is_safe:
            for edited in edits:
                before.setdefault(edited.file, edited.before)
            applications.texts.update(texts)
            fixed += len(edits)
            compiled, findings = after, remaining
        elif len(edits) == 1:
            refused.add(edits[0].after)
        is_alone = not is_safe
    changed = applications.texts
    real = {file: Path(file).resolve() for file in changed}
    write_all(changed, before, real)
    return fixed


def _edits(
    findings: Iterable[LintFinding], refused: set[str]
) -> list[EditedFile]:
    """Return the first edit of each file that gives no access by its kind."""
    first: dict[str, EditedFile] = {}
    for finding in findings:
        edited = None if finding.kind.grants else finding.edited()
        if edited and edited.after not in refused:
            first.setdefault(edited.file, edited)
    return [*first.values()]


def _opens(
    before: Estate, after: Estate, applications: EditedApplications
) -> bool:
    """Return whether an edited estate gives access, may give access, or has another target."""
    old = applications.model(before)
    new = applications.model(after)
    return any(map(opens, diff(old, new)))
