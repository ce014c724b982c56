"""Check the records of a folder, alone and against the engine.

Digests prove nothing against somebody who can rewrite the whole folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from kong_oam.audit.history.chain import recorded_updates, state_at_end
from kong_oam.audit.history.engine import EngineStack
from kong_oam.audit.history.read import History, file_name
from kong_oam.audit.history.run import (
    DIGEST,
    Run,
    StackRecord,
    digest_of,
    update_of,
)
from kong_oam.diagnostics import Diagnostic, Findings, printable
from kong_oam.oam.position import FilePlace

_DIRTY = "git.dirty"


def findings_of_folder(history: History) -> Findings:
    """Yield what is wrong with the records themselves: missing, changed or reordered files."""
    yield from history.findings
    unreadable = {
        Path(finding.position.file).name
        for finding in history.findings
        if finding.position
    }
    expected = 1
    previous: Run | None = None
    for run in history.runs:
        yield from _own_findings(run)
        while expected < run.number:
            # A file that cannot be read is a finding already.
            if file_name(expected) not in unreadable:
                yield _at(run, "AUD602", f"{file_name(expected)} is missing")
            previous = None
            expected += 1
        if run.number < expected:
            yield _at(run, "AUD604", f"record {run.number} comes again")
            continue
        if previous and run.previous != previous.digest:
            yield _at(
                run,
                "AUD604",
                f"the record does not follow {Path(previous.file).name}, as that file is now",
            )
        previous = run
        expected = run.number + 1


def _own_findings(run: Run) -> Findings:
    if run.data[DIGEST] != digest_of(run.data):
        yield _at(run, "AUD603", "the record was changed after it was written")
    if Path(run.file).name != file_name(run.number):
        yield _at(
            run,
            "AUD604",
            f"the file is record {run.number}; its name was {file_name(run.number)}",
        )


def findings_of_engine(
    runs: Iterable[Run], stacks: Mapping[str, EngineStack]
) -> Findings:
    """Yield updates without a record, recorded updates that the engine did not make, and states
    that no update wrote."""
    runs = tuple(runs)
    for name, stack in stacks.items():
        known = recorded_updates(runs, name)
        current = {
            update.key: update for update in map(update_of, stack.updates)
        }
        missing = [key for key in current if key not in known]
        for start, kind in missing:
            yield Diagnostic(
                "AUD605",
                f"stack '{name}': no record has the {kind} of {start}; run `kong-oam audit record`",
            )
        for run in runs:
            part = run.stacks.get(name)
            for update in part.updates if part else ():
                if update.key in current and current[update.key] != update:
                    yield _at(
                        run,
                        "AUD603",
                        f"the engine has other facts about the {update.kind} of {update.start}",
                    )
        if not missing and stack.state != state_at_end(runs, name):
            yield Diagnostic(
                "AUD606",
                f"stack '{name}': the state differs from the last record, and no update wrote "
                "it; compare it with a copy of the state",
            )


def findings_about_runs(runs: Iterable[Run]) -> Findings:
    """Yield what an auditor asks about: edits of a state, dirty trees, and authors who approved
    alone. Warnings, since nobody can correct the past."""
    stacks: dict[str, StackRecord] = {}
    for run in runs:
        for name, part in run.stacks.items():
            before = stacks.get(name)
            if before and (edit := _edit(before, part)):
                yield _at(
                    run, "AUD606", f"stack '{name}': {edit}", is_past=True
                )
            stacks[name] = part
            for update in part.updates:
                if update.facts.get(_DIRTY) == "true":
                    yield _at(
                        run,
                        "AUD607",
                        f"the {update.kind} of {update.start} ran with uncommitted files",
                        is_past=True,
                    )
        yield from _alone(run)


def _edit(before: StackRecord, part: StackRecord) -> str:
    """Return the trace of an edit of the state between two records, or an empty text."""
    if before.state != part.state and not part.updates:
        return "no update wrote the recorded state"
    expected = before.resources
    for update in part.updates:
        growth = update.growth
        if growth is None:
            return ""
        expected += growth
    if expected == part.resources:
        return ""
    return (
        f"its updates explain {expected} resources, and the state has {part.resources}; ask who "
        "changed the state before an update"
    )


def _alone(run: Run) -> Findings:
    requests = run.data.get("forge")
    for request in requests if isinstance(requests, list) else ():
        if author := request.get("alone"):
            yield _at(
                run,
                "AUD608",
                f"only its author {printable(author)} approved pull request {request['number']}",
                is_past=True,
            )


def findings_of_signatures(
    runs: Iterable[Run], problem_of: Callable[[Path], str]
) -> Findings:
    """Yield records without a valid signature. `problem_of` returns the problem of a file."""
    for run in runs:
        if problem := problem_of(Path(run.file)):
            yield _at(run, "AUD609", problem)


def _at(
    run: Run, code: str, message: str, *, is_past: bool = False
) -> Diagnostic:
    place = FilePlace(run.file, 1, 1)
    return Diagnostic(code, message, place, "warning" if is_past else "error")


def all_findings(
    history: History, stacks: Mapping[str, EngineStack]
) -> Iterator[Diagnostic]:
    """Yield all findings that need no key."""
    yield from findings_of_folder(history)
    yield from findings_of_engine(history.runs, stacks)
    yield from findings_about_runs(history.runs)
