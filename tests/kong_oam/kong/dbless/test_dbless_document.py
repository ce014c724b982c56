"""The document of a Kong without a database."""

from __future__ import annotations

import json

import pytest

from kong_oam.kong.dbless.document import (
    Document,
    DocumentError,
    imported,
    parsed,
)
from kong_rules.entities import Table
from kong_rules.kinds import KINDS

SERVICE = {"id": "s1", "name": "orders", "host": "orders.local"}
ROUTE = {"id": "r1", "paths": ["/orders"], "service": {"id": "s1"}}
GLOBAL = {"id": "p1", "name": "prometheus", "route": None, "service": None}


def document(stack: str = "prod", **tables: Table) -> Document:
    return Document(stack, {**{kind: {} for kind in KINDS}, **tables})


DOCUMENT = document(
    services={"s1": SERVICE}, routes={"r1": ROUTE}, plugins={"p1": GLOBAL}
)


def test_text_is_kongs_declarative_format() -> None:
    """References are plain ids; an unset reference stays unset."""
    text = json.loads(DOCUMENT.text())
    assert text.pop("_comment").startswith(
        "written by kong-oam dbless for the stack prod; "
    )
    assert text == {
        "_format_version": "3.0",
        "services": [SERVICE],
        "routes": [{"id": "r1", "paths": ["/orders"], "service": "s1"}],
        "plugins": [GLOBAL],
    }


def test_text_does_not_depend_on_the_order_of_writes() -> None:
    first = document(services={"a": {"id": "a", "name": "x"}, "b": {"id": "b"}})
    second = document(
        services={"b": {"id": "b"}, "a": {"name": "x", "id": "a"}}
    )
    assert first.text() == second.text()


def test_parsed_text_is_the_same_document() -> None:
    assert parsed(DOCUMENT.text()) == DOCUMENT


def test_a_document_knows_the_documents_before_it() -> None:
    first = document(services={"s1": SERVICE})
    second = first.successor(DOCUMENT.tables)
    read = parsed(second.text())
    assert read == second
    hashes = [first.configuration_hash(), second.configuration_hash()]
    assert [read.follows(each) for each in (*hashes, "0" * 32)] == [True] * 3
    # The earlier document does not know its successor.
    assert [first.follows(each) for each in hashes] == [True, False]
    # The same entities a second time are another document.
    assert second.successor(first.tables).text() != first.text()


def test_a_document_forgets_old_documents() -> None:
    latest = first = document(services={"s1": SERVICE})
    for _ in range(200):
        latest = latest.successor(DOCUMENT.tables)
    assert latest.follows(first.configuration_hash())
    latest = latest.successor(DOCUMENT.tables)
    assert not latest.follows(first.configuration_hash())


def test_hash_without_entities_is_kongs() -> None:
    """Seen on a Kong 3.10 that loaded a document without entities."""
    assert document().configuration_hash() == "0" * 32
    assert DOCUMENT.configuration_hash() != "0" * 32


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("{", "", "it is not JSON"),
        ('"3.0"', '"1.1"', "_format_version is not 3.0"),
        ("kong-oam dbless", "hand", "`kong-oam dbless` did not write it"),
        ("orders.local", "other.local", "it was edited after"),
        ("stack prod", "stack test", "it was edited after"),
        ("stack prod; ", "stack prod; 00", "it was edited after"),
        ('"route":null', '"route":"r1"', "it was edited after"),
    ],
)
def test_invalid_text_is_refused(old: str, new: str, problem: str) -> None:
    with pytest.raises(DocumentError, match=problem):
        parsed(DOCUMENT.text().replace(old, new, 1))


EXPORTED = """\
_format_version: '3.0'
_transform: false
parameters: [{key: cluster_id, value: c}]
services: [{id: s1, name: orders, host: orders.local}]
routes: [{id: r1, paths: [/orders], service: s1}]
plugins: [{id: p1, name: prometheus, route: ~, service: ~}]
"""


def test_the_export_of_a_database_keeps_ids() -> None:
    assert imported(EXPORTED, "prod") == DOCUMENT


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "it is not YAML"),
        ("- a", "_format_version is not 3.0"),
        (f"{EXPORTED}vaults: [{{id: v}}]", "vaults is not a kind"),
        (f"{EXPORTED}snis: [{{name: v}}]", "an entity of snis has no id"),
        (
            f"{EXPORTED}basicauth_credentials: [{{id: v}}]",
            "would hash their passwords again",
        ),
    ],
)
def test_an_unusable_export_is_refused(text: str, problem: str) -> None:
    with pytest.raises(DocumentError, match=problem):
        imported(text, "prod")
