"""The built-in types: KubeVela's, written anew as definitions in `definitions/kubevela/`, a file
for each."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import cast

from kong_oam.oam.definitions.definition import (
    DefinedType,
    Definition,
    Definitions,
    Kind,
)
from kong_oam.render.answers import Ask
from kong_oam.render.definition_files import read_definition_file
from kong_oam.render.program import EvaluatorError

_HERE = Path(__file__).resolve()
_FOLDER = next(
    folder
    for depth in (1, 2)  # as a wheel has it, and as the project
    if (folder := _HERE.parents[depth] / "definitions" / "kubevela").is_dir()
)
_KIND = re.compile(r'^\ttype: +"(\w+)"$', re.MULTILINE)


@cache
def built_in_types() -> frozenset[DefinedType]:
    """Return the kind and name of each, known without an evaluator: a file is named after its type,
    and says its kind."""
    found = (
        (_KIND.search(file.read_text("utf-8")), file.stem) for file in _files()
    )
    return frozenset(
        (cast(Kind, kind[1]), name) for kind, name in found if kind
    )


def built_in_definitions(ask: Ask) -> Definitions:
    """Return all of them, read by an evaluator. Raises EvaluatorError where there is none, or
    something ends it."""
    definitions: list[Definition] = []
    for file in _files():
        read = read_definition_file(file, str(file), ask, built_in=True)
        for finding in read.diagnostics:
            raise EvaluatorError(
                f"the built-in definitions were not read, run this again: {finding.position}: "
                f"{finding.message}"
            )
        definitions += read.definitions
    return tuple(definitions)


def _files() -> list[Path]:
    return sorted(_FOLDER.glob("*.cue"))
