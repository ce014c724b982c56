"""Read the records in a folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from kong_oam.access.diff.snapshot import ModelError
from kong_oam.access.model import Estate
from kong_oam.audit.history.run import Gate, Run, is_record, run_of
from kong_oam.diagnostics import Diagnostic, Diagnostics
from kong_oam.errors import InputError
from kong_oam.oam.position import FilePlace

# The ending of records. Signatures beside them have another ending.
ENDING = ".json"
_DIGITS = 6


class HistoryError(InputError):
    """A folder of records that cannot be read."""


@dataclass(frozen=True, slots=True)
class History:
    """The readable records of a folder, by file name, and findings about the other files."""

    runs: tuple[Run, ...]
    findings: Diagnostics = ()


def file_name(number: int) -> str:
    """Return the name of the file of a record, such as `000012.json`."""
    return f"{number:0{_DIGITS}}{ENDING}"


def read_runs(folder: Path) -> tuple[Run, ...]:
    """Return the records in the order of their file names. Files that are no records are left out:
    `read_history` has findings about them. Raises HistoryError."""
    return read_history(folder).runs


def read_history(folder: Path) -> History:
    """Read all records of a folder. Raises HistoryError if the folder cannot be read."""
    try:
        files = sorted(folder.iterdir())
    except OSError as error:
        raise HistoryError(
            f"the folder of records {folder} cannot be read: {error.strerror}; "
            "write the first record with `kong-oam audit record`"
        ) from None
    runs = []
    findings = []
    for file in files:
        if file.suffix != ENDING:
            continue
        try:
            runs.append(_read(file))
        except (InputError, ModelError) as error:
            findings.append(
                Diagnostic("AUD601", str(error), FilePlace(str(file), 1, 1))
            )
    return History(tuple(runs), tuple(findings))


def _read(file: Path) -> Run:
    """Return the record in a file. Raises InputError, ModelError."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}") from None
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        raise InputError("not JSON") from None
    if not is_record(data):
        raise InputError("not a record of a run, version 1")
    return run_of(str(file), sha256(content).hexdigest(), data)


def models_by_revision(
    runs: Iterable[Run],
) -> Mapping[tuple[str, str, str], Estate]:
    """Return the estate in which each revision was in force, by component, port and revision.

    The first record of a revision counts. A revision that only failed runs wanted has the estate
    that the run wanted. Raises ModelError.
    """
    runs = tuple(runs)
    estates: dict[tuple[str, str, str], Estate] = {}
    for run in runs:
        missing = list(_without_estate(run.revisions, estates))
        estate = run.estate() if missing else None
        if estate:
            estates.update(dict.fromkeys(missing, estate))
    for run in runs:
        missing = list(_without_estate(run.attempted, estates))
        estate = run.attempted_estate() if missing else None
        if estate:
            estates.update(dict.fromkeys(missing, estate))
    return estates


def _without_estate(
    revisions: Mapping[Gate, str],
    estates: Mapping[tuple[str, str, str], Estate],
) -> Iterator[tuple[str, str, str]]:
    """Yield the revisions that have no estate yet."""
    for (component, port), revision in revisions.items():
        key = component, port, revision
        if key not in estates:
            yield key
