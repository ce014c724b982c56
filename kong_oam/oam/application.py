"""Reads Applications of KubeVela v1beta1: YAML becomes typed values, each part with its place in
the file.

Shapes are checked, and what component and trait types are told as far as no definition is needed
for it. What an Application means for access is decided in `access`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.definitions.definition import Definition
from kong_oam.oam.definitions.reading import defined_in, is_definition
from kong_oam.oam.document import (
    MAX_FINDINGS,
    Document,
    as_mapping,
    as_text,
    read,
)
from kong_oam.oam.files import bytes_of, cannot_be_read, files_of
from kong_oam.oam.model import Application, Component, Own, Trait
from kong_oam.oam.properties import unrendered, wrong
from kong_oam.oam.resolution import resolved, undeployed
from kong_oam.oam.schema import pruned
from kong_oam.oam.shapes import misshapen, other_kind
from kong_oam.oam.typed import application_of

__all__ = [
    "NONE_OF_ITS_OWN",
    "Application",
    "Component",
    "Own",
    "ReadOne",
    "Reading",
    "Trait",
    "deployable",
    "read_bytes",
    "read_file",
    "read_files",
    "together",
]

NONE_OF_ITS_OWN: Own = frozenset()
_HERE = Path()
_UNNAMED = frozenset({""})
_TOO_MANY = f"more than {MAX_FINDINGS} findings in this file, which is not read further; mend these first"


@dataclass(frozen=True, slots=True)
class Reading:
    """The result of reading: the applications that are well formed, the names of those that are
    not, "" for any whose name cannot be read either, every finding, and the definitions of types
    that stand beside Applications."""

    applications: tuple[Application, ...]
    diagnostics: tuple[Diagnostic, ...]
    malformed: frozenset[str] = frozenset()
    definitions: tuple[Definition, ...] = ()


ReadOne = Callable[[Path, str, Own], Reading]
"""Reads one file, which findings call by the name, in a project that defines these types itself."""


def read_files(
    names: Iterable[str | Path],
    named: Callable[[Path], str] = str,
    folder: Path = _HERE,
    read_one: ReadOne | None = None,
    own: Own = NONE_OF_ITS_OWN,
) -> Reading:
    """Reads the Applications of every YAML file that `names` name: files, folders and globs, below
    `folder` where they are no absolute paths. What cannot be read, or names nothing, is a finding,
    not an exception.

    `named` says what a file is called in findings: by default, its path. `read_one` reads one file,
    which may well know it already: by default, `read_file`. `own` are the types that the project
    defines itself.
    """
    read_one, readings = read_one or read_file, []
    for file, problem in files_of(names, folder):
        name = named(file)
        readings.append(
            _unread(cannot_be_read(name, problem))
            if problem
            else read_one(file, name, own)
        )
    return together(readings)


_IN_CUE = (
    "definitions in CUE are no Applications; put it into definitions/, or name it with "
    "kong-oam:definitions or --definitions"
)


def read_file(file: Path, name: str, own: Own = NONE_OF_ITS_OWN) -> Reading:
    """Reads the Applications of one file, which findings call `name`."""
    if file.suffix == ".cue":
        return _unread(cannot_be_read(name, _IN_CUE))
    raw = bytes_of(file, name)
    return _unread(raw) if isinstance(raw, Diagnostic) else read_bytes(name, raw, own)


def _unread(why: Diagnostic) -> Reading:
    return Reading((), (why,), _UNNAMED)


def together(readings: Iterable[Reading]) -> Reading:
    """Joins several readings into one."""
    parts = tuple(readings)
    return Reading(
        tuple(application for part in parts for application in part.applications),
        tuple(diagnostic for part in parts for diagnostic in part.diagnostics),
        frozenset(name for part in parts for name in part.malformed),
        tuple(definition for part in parts for definition in part.definitions),
    )


def read_bytes(file: str, raw: bytes, own: Own = NONE_OF_ITS_OWN) -> Reading:
    """Reads the Applications of one file's bytes, and the definitions that stand beside them.

    `own` are the types that the project defines itself: what they are told is not judged here, nor
    what the types are told that this file defines.
    """
    documents, parse_findings = read(file, raw)
    beside = tuple(
        one
        for each in documents
        if is_definition(each)
        for one in defined_in(each).definitions
    )
    own |= {one.type for one in beside}
    malformed = (
        {*_UNNAMED}
        if any(finding.code == "OAM101" for finding in parse_findings)
        else set()
    )
    if len(parse_findings) > MAX_FINDINGS:
        too_many = Diagnostic("OAM101", _TOO_MANY, parse_findings[MAX_FINDINGS].place)
        return Reading(
            (),
            (*parse_findings[:MAX_FINDINGS], too_many),
            frozenset({*malformed, *map(_name_of, documents)}),
        )
    diagnostics = list(parse_findings)
    applications: list[Application] = []
    for document in documents:
        room, read_here = MAX_FINDINGS - len(diagnostics), list[Application]()
        findings = tuple(islice(_applications(document, own, read_here), room + 1))
        if len(findings) > room:
            diagnostics += [
                *findings[:room],
                Diagnostic("OAM101", _TOO_MANY, document.place()),
            ]
            malformed |= {
                _name_of(unread) for unread in documents[documents.index(document) :]
            }
            break
        diagnostics += findings
        if is_definition(document):
            continue
        if not any(finding.severity == "error" for finding in findings):
            applications += read_here
        elif not other_kind(document):
            malformed.add(_name_of(document))
    return Reading(
        tuple(applications), tuple(diagnostics), frozenset(malformed), beside
    )


def _name_of(document: Document) -> str:
    """What a malformed document calls itself, or nothing."""
    metadata = as_mapping(as_mapping(document.data).get("metadata"))
    return as_text(metadata.get("name"))


def _applications(
    document: Document, own: Own, into: list[Application]
) -> Iterator[Diagnostic]:
    """Yields what is wrong with a document, and puts its Application into the list at the end."""
    if is_definition(document):
        yield from defined_in(document).diagnostics
        return
    data, well_formed = pruned("application", document.data), True
    for finding in misshapen(document, data):
        well_formed &= finding.severity != "error"
        yield finding
    if other_kind(document):
        return
    application = application_of(document, data, own)
    if well_formed:
        application, found = resolved(application, own)
        yield from found
    for component in application.components:
        yield from dict.fromkeys(
            found for form in component.every_form for found in wrong(form)
        )
    into.append(application)


def _hindrances(application: Application) -> Iterator[Diagnostic]:
    for component in application.components:
        yield from unrendered(component)
    yield from undeployed(application)


def deployable(reading: Reading) -> Reading:
    """A reading in which every Application can be deployed as it says: one with a component that
    needs an evaluator and that nobody rendered is malformed, and why is a finding. So is one that
    asks for what nobody follows."""
    applications, findings = [], [*reading.diagnostics]
    malformed = {*reading.malformed}
    for application in reading.applications:
        found = [*islice(_hindrances(application), MAX_FINDINGS)]
        findings += found
        if found:
            malformed.add(application.name)
        else:
            applications.append(application)
    return replace(
        reading,
        applications=tuple(applications),
        diagnostics=tuple(findings),
        malformed=frozenset(malformed),
    )
