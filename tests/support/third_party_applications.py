"""Real Applications, each on a stack that names the definitions of its types, with the findings of
`check`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from kong_oam.access.compile.estate import Compiled, compile_estate
from kong_oam.access.model import Stack
from kong_oam.oam.application import Reading, read_bytes
from kong_oam.oam.definitions.definition import Definition
from kong_oam.render.built_in import built_in_types
from kong_oam.render.project import OwnDefinitions
from kong_oam.render.stage import Renderer
from tests.support.oam_corpus import CORPUS, corpus, definitions_in, rows_of

OF_TERRAFORM = "writeConnectionSecretToRef"
"""A property that only Terraform's types have. The list of definitions has Crossplane's of the same
name for some."""


def compiled_application(
    file: str,
    stack: Stack,
    renderer: Renderer,
    addons: Iterable[Definition] = (),
) -> Compiled:
    """Run the whole pipeline, like `check`. `addons` replace definitions of their types."""
    raw = (CORPUS / "applications" / file).read_bytes()
    return compile_estate(
        rendered_application(file, raw, stack, renderer, addons), stack
    )


def rendered_application(
    file: str,
    raw: bytes,
    stack: Stack,
    renderer: Renderer,
    addons: Iterable[Definition] = (),
) -> Reading:
    """Read and render an Application of the corpus, or a changed version of it."""
    chosen = _definitions(file, raw.decode())
    by_type = {definition.type: definition for definition in (*chosen, *addons)}
    named = OwnDefinitions(tuple(by_type.values()))
    own = named.beside(read_bytes(file, raw, named.types).definitions)
    return renderer.rendered(
        read_bytes(file, raw, own.types), own, stack.minor, stack.labels
    )


def _definitions(file: str, text: str) -> tuple[Definition, ...]:
    """Return the definitions of the types that KubeVela does not have: the listed definition, else
    any with that name."""
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
        definition
        for definition in listed
        if (definition.kind, definition.name) == key
        and (definition in known or not known)
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
