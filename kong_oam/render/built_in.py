"""The built-in types: KubeVela's types as definitions in `definitions/kubevela/`, one file each."""

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
    for depth in (1, 2)  # in a wheel, and in the project
    if (folder := _HERE.parents[depth] / "definitions" / "kubevela").is_dir()
)
_KIND = re.compile(r'^\ttype: +"(\w+)"$', re.MULTILINE)


@cache
def built_in_types() -> frozenset[DefinedType]:
    """Return the kinds and names of the built-in types, without an evaluator. A file has the name
    of its type, and contains its kind."""
    found = (
        (_KIND.search(file.read_text("utf-8")), file.stem) for file in _files()
    )
    return frozenset(
        (cast(Kind, kind[1]), name) for kind, name in found if kind
    )


def built_in_definitions(ask: Ask) -> Definitions:
    """Return all built-in definitions, read by an evaluator. Raise EvaluatorError if that fails."""
    definitions: list[Definition] = []
    for file in _files():
        read = read_definition_file(file, str(file), ask, built_in=True)
        for finding in read.diagnostics:
            raise EvaluatorError(
                "the built-in definitions could not be read; run the command "
                f"again: {finding.position}: {finding.message}"
            )
        definitions += read.definitions
    return tuple(definitions)


def _files() -> list[Path]:
    return sorted(_FOLDER.glob("*.cue"))
