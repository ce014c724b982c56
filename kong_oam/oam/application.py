"""Read KubeVela v1beta1 Applications from YAML. Each typed part knows its position in the file.

This module checks shapes, and all properties that need no definition. The package `access` decides
what an Application means for access.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from kong_oam.diagnostics import Diagnostic, Diagnostics, Findings, errors
from kong_oam.oam.definitions.definition import Definition, Definitions
from kong_oam.oam.definitions.reading import defined_in, is_definition
from kong_oam.oam.document import MAX_FINDINGS, as_mapping, as_text, read
from kong_oam.oam.files import (
    FileNames,
    Naming,
    bytes_of,
    cannot_be_read,
    files_of,
)
from kong_oam.oam.model import Application, OwnTypes
from kong_oam.oam.position import Document, SourcePosition
from kong_oam.oam.properties import property_findings
from kong_oam.oam.resolution import resolved
from kong_oam.oam.schema import pruned
from kong_oam.oam.shapes import other_kind, shape_findings
from kong_oam.oam.typed import application_of

NO_OWN_TYPES: OwnTypes = frozenset()
_HERE = Path()
_UNNAMED = frozenset({""})
_NAMES = (("metadata", "name"), ("metadata", "namespace"))
_TOO_MANY = (
    f"more than {MAX_FINDINGS} findings in this file; the rest is not read. "
    "Correct these first"
)


@dataclass(frozen=True, slots=True)
class Reading:
    """The result of reading files.

    `malformed` has the names of Applications with errors; "" if a name is unreadable. Such
    Applications are among `applications`, too, so that one run finds all errors. `definitions` are
    the types that the files define.
    """

    applications: tuple[Application, ...]
    diagnostics: Diagnostics
    malformed: frozenset[str] = frozenset()
    definitions: Definitions = ()


# Reads one file. Arguments: the path, its name in findings, and the types that the project defines.
ReadOne = Callable[[Path, str, OwnTypes], Reading]


def read_files(
    names: FileNames,
    named: Naming = str,
    folder: Path = _HERE,
    read_one: ReadOne | None = None,
    own: OwnTypes = NO_OWN_TYPES,
) -> Reading:
    """Read the Applications of all YAML files that `names` select: files, folders and globs.
    Relative names are below `folder`.

    Unreadable files and names without files become findings, never exceptions. `named` returns the
    name of a file in findings (default: its path). `read_one` reads one file (default:
    `read_file`). `own` are the types that the project defines.
    """
    read_one = read_one or read_file
    readings = []
    for file, problem in files_of(names, folder):
        name = named(file)
        if problem:
            readings.append(_unreadable(cannot_be_read(name, problem)))
        else:
            readings.append(read_one(file, name, own))
    return join_readings(readings)


_IN_CUE = (
    "a CUE file is a definition, no Application; move it into definitions/, "
    "or name it with kong-oam:definitions or --definitions"
)


def read_file(file: Path, name: str, own: OwnTypes = NO_OWN_TYPES) -> Reading:
    """Read the Applications of one file. Findings use `name` for the file."""
    if file.suffix == ".cue":
        return _unreadable(cannot_be_read(name, _IN_CUE))
    raw = bytes_of(file, name)
    return (
        _unreadable(raw)
        if isinstance(raw, Diagnostic)
        else read_bytes(name, raw, own)
    )


def _unreadable(why: Diagnostic) -> Reading:
    return Reading((), (why,), _UNNAMED)


def join_readings(readings: Iterable[Reading]) -> Reading:
    """Join several readings into one."""
    applications: list[Application] = []
    diagnostics: list[Diagnostic] = []
    malformed = set[str]()
    definitions: list[Definition] = []
    for reading in readings:
        applications += reading.applications
        diagnostics += reading.diagnostics
        malformed |= reading.malformed
        definitions += reading.definitions
    return Reading(
        tuple(applications),
        tuple(diagnostics),
        frozenset(malformed),
        tuple(definitions),
    )


def read_bytes(file: str, raw: bytes, own: OwnTypes = NO_OWN_TYPES) -> Reading:
    """Read the Applications and the definitions in the bytes of one file.

    `own` are the types that the project defines. The reader does not check properties of these
    types, or of types that this file defines.
    """
    documents, unreadable = read(file, raw)
    definitions = tuple(_definitions_in(documents))
    own |= {definition.type for definition in definitions}
    malformed = set[str]()
    if any(finding.code == "OAM101" for finding in unreadable):
        malformed |= _UNNAMED
    if len(unreadable) > MAX_FINDINGS:
        malformed |= {_name_of(document) for document in documents}
        too_many = Diagnostic(
            "OAM101", _TOO_MANY, unreadable[MAX_FINDINGS].position
        )
        shown = (*unreadable[:MAX_FINDINGS], too_many)
        return Reading((), shown, frozenset(malformed))
    diagnostics = list(unreadable)
    applications = []
    for number, document in enumerate(documents):
        room = MAX_FINDINGS - len(diagnostics)
        read_here: list[Application] = []
        findings = tuple(
            islice(_applications(document, own, read_here), room + 1)
        )
        if len(findings) > room:
            diagnostics += findings[:room]
            diagnostics.append(
                Diagnostic("OAM101", _TOO_MANY, document.position())
            )
            malformed |= {_name_of(unread) for unread in documents[number:]}
            break
        diagnostics += findings
        if is_definition(document):
            continue
        applications += read_here
        if errors(findings) and not other_kind(document):
            malformed.add(_name_of(document))
    return Reading(
        tuple(applications),
        tuple(diagnostics),
        frozenset(malformed),
        definitions,
    )


def _definitions_in(documents: Iterable[Document]) -> Iterator[Definition]:
    for document in documents:
        if is_definition(document):
            yield from defined_in(document).definitions


def _name_of(document: Document) -> str:
    """Return the name in a malformed document; empty without a name."""
    metadata = as_mapping(as_mapping(document.data).get("metadata"))
    return as_text(metadata.get("name"))


def _applications(
    document: Document, own: OwnTypes, into: list[Application]
) -> Findings:
    """Yield the findings of a document, and append its Application to `into`."""
    if is_definition(document):
        yield from defined_in(document).diagnostics
        return
    data = pruned("application", document.data)
    is_certain = True
    wrong_parts = set()
    for finding in shape_findings(document, data):
        yield finding
        if finding.severity == "error":
            assert isinstance(finding.position, SourcePosition)
            path = finding.position.path
            wrong_parts.add(path[:3])
            # Nothing depends on an unknown field or on an invalid name.
            is_certain &= finding.code == "OAM102" or path in _NAMES
    if other_kind(document):
        return
    application = application_of(document, data, own)
    application, findings = resolved(application, own, is_certain=is_certain)
    yield from findings
    components = []
    for component in application.components:
        # Variants share most properties: report a finding of several variants once.
        of_forms: dict[Diagnostic, None] = {}
        for variant in component.every_variant:
            of_forms.update(dict.fromkeys(property_findings(variant)))
        yield from of_forms
        if errors(of_forms) or component.position.path in wrong_parts:
            component = replace(component, is_wrong=True)
        components.append(component)
    into.append(replace(application, components=tuple(components)))


def deployable(reading: Reading) -> Reading:
    """Return a rendered reading with only the components that have no errors. Applications with
    unknown values or places, or without a name, are left out."""
    applications = []
    for application in reading.applications:
        assert not application.policies
        if not (application.is_resolved and application.name):
            continue
        right = []
        for component in application.components:
            if not component.is_wrong:
                assert component.plain or component.rendered is not None
                right.append(component)
        applications.append(replace(application, components=tuple(right)))
    return replace(reading, applications=tuple(applications))
