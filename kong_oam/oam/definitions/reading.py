"""Read definitions from YAML, in the format of KubeVela's API server and `vela def render`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kong_oam.diagnostics import Diagnostic, Diagnostics, Findings
from kong_oam.oam.definitions.definition import KINDS, Definition, Definitions
from kong_oam.oam.document import as_mapping, as_text, as_texts, read
from kong_oam.oam.position import Document, Fields, Names, SourcePosition
from kong_oam.oam.schema import type_of

_API = "core.oam.dev/v1beta1"
# The annotation with the revision of a definition.
REVISION = "definitionrevision.oam.dev/name"
_STEP = "WorkflowStepDefinition"
_SKIPPED = frozenset({"Application", _STEP})
_LISTS = frozenset({"List", *(f"{kind}List" for kind in KINDS)})
# The namespace in the files of KubeVela's Helm chart; a template that YAML cannot read.
_HELM_NAMESPACE = re.compile(
    rb"^(  namespace: )\{\{.*\}\}[ \t]*$", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class DefinitionReading:
    """The definitions of some files, and the findings about the rest."""

    definitions: Definitions
    diagnostics: Diagnostics


def read_definitions(
    file: str, raw: bytes, *, built_in: bool = False
) -> DefinitionReading:
    """Read the definitions of one YAML file. Findings describe bad input; nothing raises.

    Lists in the format of `kubectl get` are read too. The reader skips Applications, definitions of
    workflow steps, and WorkloadDefinitions without a template.
    """
    documents, findings = read(
        file, _HELM_NAMESPACE.sub(rb"\1vela-system", raw)
    )
    definitions: list[Definition] = []
    diagnostics = [*findings]
    for document in documents:
        for data, position in _listed(document):
            defined = _defined(data, position, built_in)
            definitions += defined.definitions
            diagnostics += defined.diagnostics
    return DefinitionReading(tuple(definitions), tuple(diagnostics))


def _listed(document: Document) -> Iterator[tuple[Any, SourcePosition]]:
    """Yield a document, or the items if it is a list, each with its position."""
    data = as_mapping(document.data)
    items = data.get("items")
    if isinstance(items, list) and data.get("kind") in _LISTS:
        yield from (
            (item, document.position("items", number))
            for number, item in enumerate(items)
        )
    else:
        yield document.data, document.position()


def defined_in(document: Document) -> DefinitionReading:
    """Return the definition in a document, or the findings about it."""
    return _defined(document.data, document.position(), built_in=False)


def _defined(
    data: Any, position: SourcePosition, built_in: bool
) -> DefinitionReading:
    wrong = tuple(_wrong(data, position))
    is_one = not wrong and data["kind"] in KINDS and not _is_reference(data)
    return DefinitionReading(
        (_definition(data, position, built_in),) if is_one else (), wrong
    )


def _is_reference(data: Fields) -> bool:
    """Tell whether a WorkloadDefinition only marks a kind of objects as workloads. KubeVela creates
    such definitions itself."""
    spec = as_mapping(data.get("spec"))
    return (
        data["kind"] == "WorkloadDefinition"
        and "definitionRef" in spec
        and not {"schematic", "extension"} & {*spec}
    )


def is_definition(document: Document) -> bool:
    """Tell whether a document defines a type, or a step of workflows."""
    kind = as_mapping(document.data).get("kind")
    return isinstance(kind, str) and (kind in KINDS or kind == _STEP)


def _wrong(data: Any, position: SourcePosition) -> Findings:
    kind = as_mapping(data).get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        if kind not in _SKIPPED:
            label = f"a {kind}" if isinstance(kind, str) else "this"
            known = ", ".join(KINDS)
            yield Diagnostic(
                "OAM108",
                f"{label} is no definition; known kinds: {known}",
                position,
            )
        return
    if data.get("apiVersion") != _API:
        message = f"apiVersion of a {kind} must be {_API}"
        yield Diagnostic("OAM103", message, position.at("apiVersion"))
    metadata = as_mapping(data.get("metadata"))
    if not isinstance(metadata.get("name"), str) or not metadata["name"]:
        yield Diagnostic(
            "OAM105",
            f"a {kind} needs a name: metadata.name",
            position.at("metadata"),
        )
    spec = as_mapping(data.get("spec"))
    if not isinstance(spec.get("version"), str | None):
        message = (
            f"version must be of type string, not {type_of(spec['version'])}"
        )
        yield Diagnostic("OAM103", message, position.at("spec", "version"))
    if not _is_reference(data):
        yield from _wrong_schematic(
            kind, spec, position.at("spec", "schematic")
        )


def _wrong_schematic(
    kind: str, spec: Fields, position: SourcePosition
) -> Findings:
    schematic = as_mapping(spec.get("schematic"))
    if "terraform" in schematic and KINDS[kind] in ("component", "workload"):
        terraform = as_mapping(schematic["terraform"])
        at = position.at("terraform")
        if not isinstance(terraform.get("configuration"), str):
            yield Diagnostic(
                "OAM103",
                "schematic.terraform.configuration must be of type string",
                at,
            )
        if terraform.get("type", "hcl") not in ("hcl", "remote"):
            yield Diagnostic(
                "OAM103",
                "schematic.terraform.type must be hcl or remote",
                at.at("type"),
            )
    elif not _template(spec)[0]:
        message = (
            f"a {kind} needs a template in CUE: spec.schematic.cue.template"
        )
        yield Diagnostic("OAM105", message, position.at("cue", "template"))


def _definition(
    data: Fields, position: SourcePosition, built_in: bool
) -> Definition:
    spec = as_mapping(data.get("spec"))
    schematic = as_mapping(spec.get("schematic"))
    annotations = as_texts(as_mapping(data["metadata"]).get("annotations"))
    template, at = _template(spec)
    return Definition(
        kind=KINDS[data["kind"]],
        name=data["metadata"]["name"],
        template=template,
        position=position.at("metadata", "name"),
        version=as_text(spec.get("version")),
        revision=annotations.get(REVISION, ""),
        terraform=as_mapping(schematic.get("terraform")),
        spec={
            name: value for name, value in spec.items() if name != "schematic"
        },
        annotations=annotations,
        first_line=_first_line(position.at("spec", *at)) if template else 0,
        built_in=built_in,
    )


def _template(spec: Fields) -> tuple[str, Names]:
    """Return the CUE template and its path in `spec`. Older definitions have it in `extension`."""
    for at in (("schematic", "cue"), ("extension",)):
        here = spec
        for step in at:
            here = as_mapping(here.get(step))
        if template := as_text(here.get("template")):
            return template, (*at, "template")
    return "", ()


def _first_line(position: SourcePosition) -> int:
    """Return the line on which a block of text starts: the line after its `|`; 0 for other text."""
    rows = position.document.text.split("\n")[position.line - 1 : position.line]
    begins_a_block = any(
        row[position.column - 1 :].startswith("|") for row in rows
    )
    return position.line + 1 if begins_a_block else 0
