"""Read the definitions in a file: YAML, or CUE in the format of `vela def`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from kong_oam.diagnostics import Diagnostic
from kong_oam.oam.definitions.definition import Definition, Kind
from kong_oam.oam.definitions.reading import (
    REVISION,
    DefinitionReading,
    read_definitions,
)
from kong_oam.oam.document import as_mapping, as_text, as_texts
from kong_oam.oam.files import bytes_of
from kong_oam.oam.position import FilePlace
from kong_oam.oam.schema import type_of
from kong_oam.render.answers import Ask, ReadDefinition

_KINDS: Mapping[str, Kind] = {
    "component": "component",
    "trait": "trait",
    "policy": "policy",
    "workload": "workload",
}
# The place at the end of an error of CUE.
_WHERE = re.compile(r" \([^()]*:(\d{1,6}):(\d{1,6})\)\Z")
_READ_OVER = frozenset({"workflow-step"})


def read_definition_file(
    file: Path, name: str, ask: Ask, *, built_in: bool = False
) -> DefinitionReading:
    """Read the definitions in one file. Findings use `name` for the file. Raise EvaluatorError for
    CUE without an evaluator."""
    raw = bytes_of(file, name)
    if isinstance(raw, Diagnostic):
        return DefinitionReading((), (raw,))
    if file.suffix.lower() == ".cue":
        return _read_cue(name, raw, ask, built_in)
    return read_definitions(name, raw, built_in=built_in)


def _read_cue(
    file: str, raw: bytes, ask: Ask, built_in: bool
) -> DefinitionReading:
    position = FilePlace(file, 1, 1)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return DefinitionReading(
            (),
            (
                Diagnostic(
                    "OAM101",
                    "the file is not UTF-8; save it as UTF-8",
                    position,
                ),
            ),
        )
    position = FilePlace(file, 1, 1, text)
    answer = ask({"file": file, "text": text})
    if "definition" not in answer:
        reason = (
            answer["findings"][0]["message"]
            if answer.get("findings")
            else "its evaluation exceeds a limit"
        )
        first, *more = reason.splitlines() or [""]
        if found := _WHERE.search(first):
            first = first[: found.start()]
            line, column = map(int, found.groups())
            position = replace(position, line=line, column=column)
        message = f"the file is no definition: {first}"
        problem = Diagnostic(
            "OAM112", message, position, details=tuple(more[:11])
        )
        return DefinitionReading((), (problem,))
    return _described(
        answer["definition"],
        replace(position, line=answer["definition"]["line"]),
        built_in,
    )


def _described(
    definition: ReadDefinition, position: FilePlace, built_in: bool
) -> DefinitionReading:
    """Return a definition that the evaluator read. Lines of its template are the file's."""
    about = definition["about"]
    kind = as_text(about.get("type"))
    name = definition["name"]
    if kind in _READ_OVER:
        return DefinitionReading((), ())
    if kind not in _KINDS:
        message = (
            f"type {json.dumps(about.get('type'))} of '{name}' is unknown; "
            f"write one of: {', '.join(_KINDS)}"
        )
        return DefinitionReading(
            (), (Diagnostic("OAM103", message[:300], position),)
        )
    spec = as_mapping(about.get("attributes"))
    annotations = as_texts(about.get("annotations"))
    if not isinstance(spec.get("version"), str | None):
        message = f"version of '{name}' must be of type string, not {type_of(spec['version'])}"
        return DefinitionReading((), (Diagnostic("OAM103", message, position),))
    result = Definition(
        kind=_KINDS[kind],
        name=name,
        template=definition["template"],
        position=position,
        version=as_text(spec.get("version")),
        revision=annotations.get(REVISION, ""),
        spec=spec,
        annotations=annotations,
        first_line=1,
        built_in=built_in,
    )
    return DefinitionReading((result,), ())
