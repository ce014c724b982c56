"""Typed Applications of KubeVela v1beta1, each part with its place in the file.

`read` checks shapes only (fields, types, names). What an Application means for access is decided in `access`.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from kong_oam.diagnostics import Diagnostic, suggestion
from kong_oam.oam.document import MAX_BYTES, MAX_FINDINGS, Document, FilePlace, Place, read, too_large
from kong_oam.oam.files import files_of
from kong_oam.oam.schema import COMPONENT_TYPES, TRAIT_TYPES, violations

_HERE = Path()
_UNNAMED = frozenset({""})
_TOO_MANY = f"more than {MAX_FINDINGS} findings in this file, which is not read further; mend these first"

INGRESS_ONLY = ("annotations", "class", "classInSpec", "gatewayHost", "labels")
"""Fields of KubeVela's gateway trait that shape an Ingress, which Kong-OAM does not make."""
INGRESS_HINT = "shapes an Ingress and has no effect here: Kong is configured directly"


@dataclass(frozen=True, slots=True)
class Trait:
    """One trait of a component; `properties` satisfy the trait's JSON Schema."""

    type: str
    properties: Mapping[str, Any]
    place: Place


@dataclass(frozen=True, slots=True)
class Component:
    """One component; `properties` satisfy the component type's JSON Schema. Traits keep their order."""

    name: str
    type: str
    properties: Mapping[str, Any]
    traits: tuple[Trait, ...]
    depends_on: tuple[str, ...]
    place: Place

    def traits_of(self, kind: str) -> tuple[Trait, ...]:
        return tuple(trait for trait in self.traits if trait.type == kind)

    def trait(self, kind: str) -> Trait | None:
        return next((trait for trait in self.traits if trait.type == kind), None)


@dataclass(frozen=True, slots=True)
class Application:
    """One `core.oam.dev/v1beta1` Application. `namespace` is `default` where the document has none, as in KubeVela."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    components: tuple[Component, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Reading:
    """The result of reading: the applications that are well formed, the names of those that are not, "" for any whose
    name cannot be read either, and every finding."""

    applications: tuple[Application, ...]
    diagnostics: tuple[Diagnostic, ...]
    malformed: frozenset[str] = frozenset()


ReadOne = Callable[[Path, str], Reading]
"""Reads one file, which findings call by the name."""


def read_files(
    names: Iterable[str | Path],
    named: Callable[[Path], str] = str,
    folder: Path = _HERE,
    read_one: ReadOne | None = None,
) -> Reading:
    """Reads the Applications of every YAML file that `names` name: files, folders and globs, below `folder` where they
    are no absolute paths. What cannot be read, or names nothing, is a finding, not an exception.

    `named` says what a file is called in findings: by default, its path. `read_one` reads one file, which may well know
    it already: by default, `read_file`.
    """
    read_one, readings = read_one or read_file, []
    for file, problem in files_of(names, folder):
        name = named(file)
        readings.append(_unread(_cannot_be_read(name, problem)) if problem else read_one(file, name))
    return together(readings)


def read_file(file: Path, name: str) -> Reading:
    """Reads the Applications of one file, which findings call `name`."""
    raw = _bytes_of(file, name)
    return _unread(raw) if isinstance(raw, Diagnostic) else read_bytes(name, raw)


def _unread(why: Diagnostic) -> Reading:
    return Reading((), (why,), _UNNAMED)


def together(readings: Iterable[Reading]) -> Reading:
    """Joins several readings into one."""
    parts = tuple(readings)
    return Reading(
        tuple(application for part in parts for application in part.applications),
        tuple(diagnostic for part in parts for diagnostic in part.diagnostics),
        frozenset(name for part in parts for name in part.malformed),
    )


def _bytes_of(file: Path, name: str) -> bytes | Diagnostic:
    """Reads the file. A pipe or a device may never end, and a huge file not fit: neither is opened."""
    try:
        about = file.stat()
        if not stat.S_ISREG(about.st_mode):
            return _cannot_be_read(name, "no regular file; check the path")
        return too_large(name, about.st_size) if about.st_size > MAX_BYTES else file.read_bytes()
    except OSError as error:
        return _cannot_be_read(name, f"{error.strerror or error}; check the path")


def _cannot_be_read(name: str, why: str) -> Diagnostic:
    return Diagnostic("OAM101", f"cannot be read: {why}", FilePlace(name, 1, 1))


def read_bytes(file: str, raw: bytes) -> Reading:
    """Reads the Applications of one file's bytes."""
    documents, parse_findings = read(file, raw)
    malformed = {*_UNNAMED} if any(finding.code == "OAM101" for finding in parse_findings) else set()
    if len(parse_findings) > MAX_FINDINGS:
        too_many = Diagnostic("OAM101", _TOO_MANY, parse_findings[MAX_FINDINGS].place)
        return Reading(
            (), (*parse_findings[:MAX_FINDINGS], too_many), frozenset({*malformed, *map(_name_of, documents)})
        )
    diagnostics = list(parse_findings)
    applications = []
    for document in documents:
        room = MAX_FINDINGS - len(diagnostics)
        findings = tuple(islice(_shape(document), room + 1))
        if len(findings) > room:
            diagnostics += [*findings[:room], Diagnostic("OAM101", _TOO_MANY, document.place())]
            malformed |= {_name_of(unread) for unread in documents[documents.index(document) :]}
            break
        diagnostics += findings
        if not any(finding.severity == "error" for finding in findings):
            applications.append(_application(document))
        elif not _other_kind(document):
            malformed.add(_name_of(document))
    return Reading(tuple(applications), tuple(diagnostics), frozenset(malformed))


def _name_of(document: Document) -> str:
    """What a malformed document calls itself, or nothing."""
    metadata = document.data.get("metadata") if isinstance(document.data, dict) else None
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else ""


def _other_kind(document: Document) -> str | None:
    """The kind of an object that nobody wrote as an Application."""
    kind = document.data.get("kind") if isinstance(document.data, dict) else None
    is_other = isinstance(kind, str) and not suggestion(kind, ["Application"]).startswith("; did you mean")
    return kind if is_other else None


def _shape(document: Document) -> Iterator[Diagnostic]:
    if kind := _other_kind(document):
        message = f"a {kind} is not deployed from here: only Applications are read. Move it to another folder"
        yield Diagnostic("OAM108", message, document.place("kind"))
        return
    top = tuple(violations("application", document.data, document.place()))
    yield from top
    spec = document.data.get("spec") if isinstance(document.data, dict) else None
    components = spec.get("components") if isinstance(spec, dict) else None
    names: dict[str, Place] = {}
    for index, component in enumerate(components if isinstance(components, list) else ()):
        if isinstance(component, dict):
            place = document.place("spec", "components", index)
            yield from _component_shape(component, place)
            yield from _duplicate_name(component.get("name"), place, names)
    if isinstance(components, list) and not top:
        yield from _dependencies(components, document)


def _duplicate_name(name: Any, place: Place, names: dict[str, Place]) -> Iterator[Diagnostic]:
    if isinstance(name, str):
        if name in names:
            message = f"component '{name}' is already defined in line {names[name].line}"
            yield Diagnostic("OAM106", message, place.at("name"))
        names.setdefault(name, place)


def _dependencies(components: list[dict[str, Any]], document: Document) -> Iterator[Diagnostic]:
    names = {component["name"] for component in components}
    for index, component in enumerate(components):
        for position, name in enumerate(component.get("dependsOn", ())):
            place = document.place("spec", "components", index, "dependsOn", position)
            if name not in names:
                yield Diagnostic("OAM103", f"dependsOn '{name}' is no component{suggestion(name, names)}", place)
    if cycle := _cycle({c["name"]: c.get("dependsOn", ()) for c in components}):
        message = f"dependsOn goes round in a circle: {' -> '.join(cycle)}"
        yield Diagnostic("OAM103", message, document.place("spec", "components"))


def _cycle(edges: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """A circle of names, its first repeated at the end; empty where there is none."""
    done: set[str] = set()
    for start in edges:
        trail: list[str] = []
        walk = [iter((start,))]
        while walk:
            name = next(walk[-1], None)
            if name is None:
                walk.pop()
                if trail:
                    done.add(trail.pop())
            elif name in trail:
                return (*trail[trail.index(name) :], name)
            elif name in edges and name not in done:
                trail.append(name)
                walk.append(iter(edges[name]))
    return ()


def _component_shape(component: Mapping[str, Any], place: Place) -> Iterator[Diagnostic]:
    kind = component.get("type")
    if isinstance(kind, str):
        if kind in COMPONENT_TYPES:
            yield from violations(kind, component.get("properties", {}), place.at("properties"))
        else:
            yield _unknown_type("component", kind, COMPONENT_TYPES, place)
    traits = component.get("traits")
    first_places: dict[tuple[str, Any], Place] = {}
    for index, trait in enumerate(traits if isinstance(traits, list) else ()):
        if isinstance(trait, dict) and isinstance(trait.get("type"), str):
            if message := misplaced(kind, trait["type"]):
                yield Diagnostic("OAM110", message, place.at("traits", index, "type"))
            yield from _trait_shape(trait, place.at("traits", index), first_places)


def misplaced(component_type: Any, trait_type: str) -> str:
    """Why a component of this type cannot have a trait of that one; empty where it can, or where a type is unknown."""
    if component_type == "worker" and trait_type == "gateway":
        return "a worker has no Service that a gateway could reach; make it a webservice"
    if component_type == "external" and trait_type in TRAIT_TYPES and trait_type != "client":
        return f"an external component runs elsewhere: it is a client, and '{trait_type}' says nothing of it"
    return ""


def _unknown_type(of: str, kind: str, known: Iterable[str], place: Place) -> Diagnostic:
    hint = suggestion(kind, known)
    if not hint.startswith("; did you mean"):
        types, traits = ", ".join(COMPONENT_TYPES), ", ".join(TRAIT_TYPES)
        hint = f"; take it out: there are components of type {types} with the traits {traits}, and nothing else is "
        hint += "deployed (docs/reference/traits.md)"
    return Diagnostic("OAM104", f"unknown {of} type '{kind}'{hint}", place.at("type"))


def _trait_shape(
    trait: Mapping[str, Any], place: Place, first_places: dict[tuple[str, Any], Place]
) -> Iterator[Diagnostic]:
    kind, properties = trait["type"], trait.get("properties", {})
    if kind not in TRAIT_TYPES:
        yield _unknown_type("trait", kind, TRAIT_TYPES, place)
        return
    yield from violations(kind, properties, place.at("properties"))
    name = properties.get("name") if kind == "gateway" and isinstance(properties, dict) else None
    name = name if isinstance(name, str) else None  # else a violation already, and maybe no key
    if (kind, name) in first_places:
        what = "another `gateway` needs a `name` of its own" if kind == "gateway" else f"`{kind}` may stand once"
        yield Diagnostic("OAM106", f"{what} (first in line {first_places[kind, name].line})", place.at("type"))
    first_places.setdefault((kind, name), place)
    if kind == "gateway" and isinstance(properties, dict):
        yield from _gateway(properties, place.at("properties"))


def _gateway(properties: Mapping[str, Any], place: Place) -> Iterator[Diagnostic]:
    for field in INGRESS_ONLY:
        if field in properties:
            yield Diagnostic("OAM109", f"'{field}' {INGRESS_HINT}", place.key(field), "warning")
    if "existingServiceName" in properties:
        message = "'existingServiceName' could expose another component past its own rules; remove it"
        yield Diagnostic("OAM108", message, place.key("existingServiceName"))
    if properties.get("pathType") == "Exact":
        message = "pathType 'Exact' is not deployed: a path owns all that lies below it; guard that with rules"
        yield Diagnostic("OAM108", message, place.at("pathType"))


def _application(document: Document) -> Application:
    data = document.data
    metadata = data["metadata"]
    return Application(
        name=metadata["name"],
        namespace=metadata.get("namespace", "default"),
        labels=metadata.get("labels", {}),
        annotations=metadata.get("annotations", {}),
        components=tuple(
            _component(component, document.place("spec", "components", index))
            for index, component in enumerate(data["spec"]["components"])
        ),
        place=document.place(),
    )


def _component(data: Mapping[str, Any], place: Place) -> Component:
    return Component(
        name=data["name"],
        type=data["type"],
        properties=data.get("properties", {}),
        traits=tuple(
            Trait(trait["type"], trait.get("properties", {}), place.at("traits", index))
            for index, trait in enumerate(data.get("traits", ()))
        ),
        depends_on=tuple(data.get("dependsOn", ())),
        place=place,
    )
