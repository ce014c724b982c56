"""Applications that people wrote, each on a stack with the definitions of its types, and the
findings of `check`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from kong_oam.access.compile.estate import Compiled, compile_estate
from kong_oam.access.model import Stack
from kong_oam.oam.application import read_bytes
from kong_oam.oam.definitions.definition import Definition
from kong_oam.render.built_in import built_in_types
from kong_oam.render.project import OwnDefinitions
from kong_oam.render.stage import Renderer
from tests.support.oam_corpus import CORPUS, corpus, definitions_in, rows_of

OF_TERRAFORM = "writeConnectionSecretToRef"
"""A property of Terraform's types alone. The list of definitions has Crossplane's of the same name for some."""


def checked(file: str, stack: Stack, renderer: Renderer) -> Compiled:
    """Return the whole pipeline, as `check` runs it."""
    raw = (CORPUS / "applications" / file).read_bytes()
    named = OwnDefinitions(_definitions(file, raw.decode()))
    own = named.beside(read_bytes(file, raw, named.types).definitions)
    return compile_estate(
        renderer.rendered(
            read_bytes(file, raw, own.types), own, stack.minor, stack.labels
        ),
        stack,
    )


def _definitions(file: str, text: str) -> tuple[Definition, ...]:
    """Return a definition for each type outside KubeVela: from the list, else any of that name."""
    chosen = (
        _definition(row, text)
        for row in rows_of(file)
        if row["where"] not in ("built-in", "deprecated")
    )
    return tuple(
        {
            (definition.kind, definition.name): definition
            for definition in chosen
            if definition
        }.values()
    )


def _definition(row: Mapping[str, str], text: str) -> Definition | None:
    key = row["kind"], row["type"].partition("@")[0]
    known = () if key in built_in_types() else _by_name().get(key, ())
    if OF_TERRAFORM in text and any(
        definition.terraform for definition in known
    ):
        known = tuple(
            definition for definition in known if definition.terraform
        )
    listed = (
        definitions_in(row["definition"])
        if (CORPUS / row["definition"]).is_file()
        else ()
    )
    named = [
        item
        for item in listed
        if (item.kind, item.name) == key and (item in known or not known)
    ]
    return next(iter((*named, *known)), None)


@cache
def _by_name() -> Mapping[tuple[str, str], tuple[Definition, ...]]:
    found: dict[tuple[str, str], tuple[Definition, ...]] = {}
    for folder in ("extra", "definitions"):
        for file in corpus(folder):
            for definition in definitions_in(f"{folder}/{file}"):
                found[definition.kind, definition.name] = (
                    *found.get((definition.kind, definition.name), ()),
                    definition,
                )
    return found
