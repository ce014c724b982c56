"""Read the file of invariants, with positions."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from kong_oam.access.compile.dates import date_findings
from kong_oam.access.settings.values import Settings
from kong_oam.diagnostics import Diagnostic, Report
from kong_oam.errors import InputError
from kong_oam.invariants.model import (
    CallInvariant,
    Exceptions,
    Invariant,
    InvariantException,
    InvariantsFile,
    RoleInvariant,
    Who,
)
from kong_oam.invariants.texts import read_caller, read_requests, read_role
from kong_oam.oam.document import read as read_documents
from kong_oam.oam.position import Document, Fields, FilePlace, SourcePosition
from kong_oam.oam.schema import violations

# The file in the project's folder, unless the stack names another.
DEFAULT = "invariants.yaml"

_SCHEMA = "invariants"

T = TypeVar("T")


def file_of(settings: Settings, project: Path = Path()) -> Path:
    """Return the path of the stack's invariants."""
    return project / (settings.invariants or DEFAULT)


def read_file(settings: Settings, project: Path = Path()) -> InvariantsFile:
    """Read the invariants of a stack. A file that the stack names must exist."""
    file = file_of(settings, project)
    name = settings.invariants or DEFAULT
    # A link to a missing file is an unreadable file.
    if settings.invariants is None and not os.path.lexists(file):
        return InvariantsFile()
    try:
        raw = file.read_bytes()
    except OSError as error:
        message = (
            f"{name} cannot be read: {error.strerror}; correct `invariants` in the stack's "
            "settings"
        )
        problem = Diagnostic("INV715", message, FilePlace(name, 1, 1))
        return InvariantsFile(problems=(problem,))
    return read(name, raw)


def read(file: str, raw: bytes) -> InvariantsFile:
    """Read invariants from the content of a file."""
    documents, findings = read_documents(file, raw)
    report = list(findings)
    if not documents and not report:
        # An emptied file must not switch all invariants off in silence.
        message = "the file has no invariants; write a list, or remove the file"
        report.append(Diagnostic("INV715", message, FilePlace(file, 1, 1)))
    if len(documents) > 1:
        message = "the file has several documents; write one list"
        report.append(Diagnostic("INV715", message, documents[1].position()))
    invariants: list[Invariant] = []
    for document in documents[:1]:
        report += violations(_SCHEMA, document.data, document.position())
        if not report:
            invariants += _invariants(document, report)
    if report:
        return InvariantsFile(problems=tuple(report))
    return InvariantsFile(tuple(invariants))


def _invariants(document: Document, out: Report) -> list[Invariant]:
    invariants: list[Invariant] = []
    for index, entry in enumerate(document.data):
        for kind, fields in entry.items():
            position = document.position(index, kind)
            made = _invariant(kind, fields, position, out)
            if made is not None:
                invariants.append(made)
    return invariants


def _invariant(
    kind: str, fields: Fields, position: SourcePosition, out: Report
) -> Invariant | None:
    exceptions = _exceptions(fields, position, out)
    reason = fields["reason"]
    owner = fields.get("owner", "")
    if kind == "separate":
        roles = []
        for number, text in enumerate(fields["roles"]):
            place = position.at("roles", number)
            role = _read(read_role, text, place, out)
            if role is not None:
                roles.append(role)
        return RoleInvariant(tuple(roles), reason, owner, exceptions, position)
    who = _who(fields["who"], position.at("who"), out)
    may = _read(read_requests, fields["may"], position.at("may"), out)
    if may is None:
        return None
    return CallInvariant(
        "never" if kind == "never" else "only",
        who,
        may,
        reason,
        owner,
        exceptions,
        position,
    )


def _exceptions(
    fields: Fields, position: SourcePosition, out: Report
) -> Exceptions:
    exceptions = []
    for number, entry in enumerate(fields.get("except", ())):
        place = position.at("except", number)
        out += date_findings(entry["until"], place.at("until"))
        who = may = None
        if "who" in entry:
            who = _who(entry["who"], place.at("who"), out)
        if "may" in entry:
            may = _read(read_requests, entry["may"], place.at("may"), out)
        exceptions.append(
            InvariantException(who, may, entry["reason"], entry["until"], place)
        )
    return tuple(exceptions)


def _who(texts: list[str], position: SourcePosition, out: Report) -> Who:
    anybody = False
    clients: set[str] = set()
    groups: set[str] = set()
    for number, text in enumerate(texts):
        caller = _read(read_caller, text, position.at(number), out)
        if caller is not None:
            anybody = anybody or caller.anybody
            clients |= caller.clients
            groups |= caller.groups
    return Who(anybody, frozenset(clients), frozenset(groups), tuple(texts))


def _read(
    reader: Callable[[str], T], text: str, position: SourcePosition, out: Report
) -> T | None:
    """Return the value of a text. None with an error, which is added to `out`."""
    try:
        return reader(text)
    except InputError as error:
        out.append(Diagnostic("INV712", str(error), position))
        return None
