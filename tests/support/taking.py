"""Applications that people wrote, each on a stack that names the definitions of its types: what `check` says."""

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
    """The whole pipeline, as `check` runs it."""
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
    """One for each type that is none of KubeVela's own: that of the list, else any of that name."""
    chosen = (
        _definition(row, text)
        for row in rows_of(file)
        if row["where"] not in ("built-in", "deprecated")
    )
    return tuple({(one.kind, one.name): one for one in chosen if one}.values())


def _definition(row: Mapping[str, str], text: str) -> Definition | None:
    key = row["kind"], row["type"].partition("@")[0]
    known = () if key in built_in_types() else _by_name().get(key, ())
    if OF_TERRAFORM in text and any(one.terraform for one in known):
        known = tuple(one for one in known if one.terraform)
    listed = (
        definitions_in(row["definition"])
        if (CORPUS / row["definition"]).is_file()
        else ()
    )
    named = [
        one
        for one in listed
        if (one.kind, one.name) == key and (one in known or not known)
    ]
    return next(iter((*named, *known)), None)


@cache
def _by_name() -> Mapping[tuple[str, str], tuple[Definition, ...]]:
    found: dict[tuple[str, str], tuple[Definition, ...]] = {}
    for folder in ("extra", "definitions"):
        for file in corpus(folder):
            for one in definitions_in(f"{folder}/{file}"):
                found[one.kind, one.name] = (
                    *found.get((one.kind, one.name), ()),
                    one,
                )
    return found
