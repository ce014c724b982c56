"""Real Applications, some with KubeVela's own offline renderings; both are beside
the project."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache

import pytest

from kong_oam.oam import typed
from kong_oam.oam.definitions.definition import Definition
from kong_oam.oam.definitions.library import Library, library
from kong_oam.oam.definitions.reading import read_definitions
from kong_oam.oam.document import read
from kong_oam.oam.model import Application, Deploy
from kong_oam.oam.position import Document
from kong_oam.oam.resolution import deployed_components
from kong_oam.oam.schema import pruned
from kong_oam.oam.workflow import deploys
from kong_oam.render.requests import Setting
from tests.support.repository import DATA

CORPUS = DATA / "oam"
OF_KUBEVELA = (
    "builtin/",
    "deprecated/",
    "extra/kubevela-catalog__addons_fluxcd_",
)
"""Where definitions are that ours replace."""


def corpus(folder: str) -> list[str]:
    """Return the names of the files in a folder of the corpus; none where it is missing."""
    return sorted(path.name for path in (CORPUS / folder).glob("*.yaml"))


def need_corpus() -> None:
    """Skip the test with a reason if the corpus is missing."""
    if not CORPUS.is_dir():
        pytest.skip(f"no Applications and renderings at {CORPUS}")


def documents(name: str) -> tuple[Document, ...]:
    """Return the documents of one file of the corpus, as the project reads them."""
    found, _ = read(name, (CORPUS / name).read_bytes())
    return found


@cache
def _definitions_of() -> Mapping[str, list[dict[str, str]]]:
    with (CORPUS / "definition-of.tsv").open(encoding="utf-8") as file:
        rows = [*csv.DictReader(file, delimiter="\t")]
    by_file: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        by_file.setdefault(row["file"], []).append(row)
    return by_file


@cache
def definitions_in(name: str) -> tuple[Definition, ...]:
    """Return the definitions of one file of the corpus."""
    return read_definitions(name, (CORPUS / name).read_bytes()).definitions


def rows_of(file: str) -> list[dict[str, str]]:
    """Return the types of a file, each with the place of its definition."""
    return _definitions_of().get(file, [])


def library_of(file: str, built_in: Iterable[Definition] = ()) -> Library:
    """Return the definitions that a file's expected rendering used. KubeVela's built-in definitions
    fill gaps; those in `built_in` replace KubeVela's, also in its addon fluxcd."""
    found: dict[tuple[str, str], Definition] = {}
    for row in rows_of(file):
        if (CORPUS / row["definition"]).is_file() and row["kind"] in (
            "component",
            "trait",
        ):
            inside = definitions_in(row["definition"])
            found |= {
                (definition.kind, definition.name): definition
                for definition in inside
                if definition.name == row["type"].partition("@")[0]
            }
    for name in corpus("builtin"):
        for definition in definitions_in(f"builtin/{name}"):
            found.setdefault((definition.kind, definition.name), definition)
    ours = {
        (definition.kind, definition.name): definition
        for definition in built_in
    }
    of_kubevela = {
        key
        for key, item in found.items()
        if item.position.file.startswith(OF_KUBEVELA)
    }
    found |= {key: ours[key] for key in of_kubevela & ours.keys()}
    return library(found.values())


def deployments(document: Document) -> Iterator[Application]:
    """Yield the Application as KubeVela renders it: once for each topology of each `deploy`, with
    that step's overrides. Other steps make no difference to it."""
    application = application_of(document)
    acts = [act for act in deploys(application) if act.component is None]
    for act in acts or [Deploy((), (), (), application.position)]:
        form = replace(
            application,
            components=deployed_components(application, act, frozenset()),
        )
        yield from [form] * max(1, len(act.topologies))


def setting_of(document: Document) -> Setting:
    """Return the setting with the revision in the status of an Application from a cluster."""
    return Setting(revision=application_of(document).revision)


def application_of(document: Document) -> Application:
    """Return an Application without checks."""
    return typed.application_of(
        document, pruned("application", document.data), frozenset()
    )
