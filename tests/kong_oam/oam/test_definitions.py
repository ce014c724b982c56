"""The definitions of our types equal their JSON Schemas."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from kong_oam.oam.definitions.library import library
from kong_oam.oam.definitions.reading import read_definitions
from kong_oam.oam.document import read
from kong_oam.oam.position import Document
from kong_oam.oam.schema import OWN_TRAITS, schema, violations
from kong_oam.render.evaluator import Evaluator
from kong_oam.render.rendering import definitions_of, render
from tests.support.json_object import JsonObject
from tests.support.oam_corpus import application_of
from tests.support.rendering import WORKLOAD, written
from tests.support.repository import ROOT

DEFINITIONS = ROOT / "definitions"


KINDS = {
    "external": "ComponentDefinition",
    **dict.fromkeys(OWN_TRAITS, "TraitDefinition"),
}

MATCHING = {
    "^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$": "orders.read",
    "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$": "reader",
    "^[a-z0-9]+(-[a-z0-9]+)*/[a-z0-9]+(-[a-z0-9]+)*$": "shop/web-app",
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}$": "2031-12-31",
    "^[A-Za-z0-9][A-Za-z0-9 ._~@:+/-]{0,127}$": "acme-corp",
    "^/": "/back",
    "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$": "search-es-http",
    "^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$": "example.com/name",
    "^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$": "search",
    "^[a-z][a-z0-9+.-]*:/": "com.example:/back",
    "^[^/]+/[^/]+$": "shop/web",
    "^[1-9][0-9]{0,3}d$": "30d",
    "^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$": "api.tls",
    "^/[A-Za-z0-9._/-]*[A-Za-z0-9._-]$": "/etc/tls",
    "^https://[^\\s?#@]+$": "https://partner.example/keys",
    "^https?://": "https://partner.example",
    "^[A-Za-z0-9_./-]{1,128}$": "find_order",
    "^[A-Za-z0-9-]{1,64}$": "X-Trace",
    "^[!-~]([ -~]{0,998}[!-~])?$": "nosniff",
    "^[1-9][0-9]{0,5}(Ki|Mi|Gi)$": "10Mi",
    "^([1-9][0-9]{0,6}ms|[1-9][0-9]{0,5}s|[1-9][0-9]{0,3}m)$": "30s",
}
"""A matching text for every pattern of a schema."""


@pytest.fixture(scope="module")
def evaluator() -> Iterator[Evaluator]:
    with Evaluator() as ask:
        yield ask


@pytest.mark.parametrize("name", KINDS)
def test_the_definition_is_of_its_kind(name: str) -> None:
    """And has the name of its file."""
    (definition,) = read_definitions(
        name, (DEFINITIONS / f"{name}.yaml").read_bytes()
    ).definitions
    assert (f"{definition.kind.capitalize()}Definition", definition.name) == (
        KINDS[name],
        name,
    )


@pytest.mark.parametrize("name", KINDS)
def test_the_definition_takes_what_the_schema_takes(
    name: str, evaluator: Evaluator
) -> None:
    """For random properties that the schema accepts, and for the same with one change. Empty,
    missing and repeating lists may differ, and a missing owner: otherwise KubeVela could make no
    OpenAPI schema."""
    choose, refused, root = random.Random(name), 0, schema(name)
    for number in range(200):
        properties = _valid(root, root, choose, full=number == 0)
        if number % 2:
            _change(properties, choose)
        if _has_an_empty_list(properties):
            continue
        document = Document(name, json.dumps(properties), 0, properties)
        by_schema = [
            str(violation).splitlines()[0]
            for violation in violations(name, properties, document.position())
        ]
        if by_schema and all(
            violation.endswith(("needs 'scopes'", "needs 'owner'"))
            for violation in by_schema
        ):
            continue
        by_cue = _judged_by_cue(name, properties, evaluator)
        assert bool(by_schema) is bool(by_cue), (properties, by_schema, by_cue)
        refused += not by_cue
    assert 70 < refused < 200


def _judged_by_cue(
    name: str, properties: Any, evaluator: Evaluator
) -> list[str]:
    is_trait = KINDS[name] == "TraitDefinition"
    part: JsonObject = {"name": "web", "type": "app" if is_trait else name}
    part |= (
        {"traits": [{"type": name, "properties": properties}]}
        if is_trait
        else {"properties": properties}
    )
    application = {"metadata": {"name": "shop"}, "spec": {"components": [part]}}
    (document,), _ = read("shop.yaml", json.dumps(application).encode())
    texts = (
        (DEFINITIONS / f"{name}.yaml").read_bytes(),
        written("Component", "app", WORKLOAD).encode(),
    )
    stack = library(
        definition
        for text in texts
        for definition in read_definitions(name, text).definitions
    )
    shop = application_of(document)
    (web,) = shop.components
    return [
        diagnostic.message
        for diagnostic in render(
            definitions_of(web, stack), shop, web, evaluator.ask
        ).diagnostics
    ]


def _valid(node: Any, root: Any, choose: random.Random, *, full: bool) -> Any:
    """An instance of a schema, with all fields if it is `full`."""
    if "$ref" in node:
        return _valid(
            root["$defs"][node["$ref"].rpartition("/")[2]],
            root,
            choose,
            full=full,
        )
    if "enum" in node:
        return choose.choice(node["enum"])
    match node["type"]:
        case "object":
            fields = node.get("properties", {}).items()
            wanted = {
                key: below
                for key, below in fields
                if full
                or key in node.get("required", ())
                or choose.random() < 0.5
            }
            valid = {
                key: _valid(below, root, choose, full=full)
                for key, below in wanted.items()
            }
            if names := node.get("propertyNames"):
                valid[MATCHING[names["pattern"]]] = _valid(
                    node["additionalProperties"], root, choose, full=full
                )
            return valid
        case "array":
            # Items of the same pattern are equal.
            count = 1 if node.get("uniqueItems") else choose.randint(1, 2)
            return [
                _valid(node["items"], root, choose, full=full)
                for _ in range(count)
            ]
        case "integer":
            return choose.randint(
                node.get("minimum", 0), node.get("maximum", 9)
            )
        case "boolean":
            return choose.random() < 0.5
    return MATCHING[node["pattern"]] if "pattern" in node else "text"


def _change(value: Any, choose: random.Random) -> None:
    """Changes one value at any depth."""
    keys = [*value] if isinstance(value, dict) else [*range(len(value))]
    key = choose.choice([*keys, "unknown"] if isinstance(value, dict) else keys)
    below = value[key] if key in keys else None
    if isinstance(below, dict | list) and choose.random() < 0.8:
        _change(below, choose) if below else None
    elif key in keys and isinstance(value, dict) and choose.random() < 0.3:
        del value[key]
    else:
        value[key] = choose.choice(
            [
                None,
                1,
                -1,
                11,
                1.5,
                True,
                "",
                "x",
                "X y",
                "x" * 300,
                "GET",
                {},
                {"a": 1},
                ["x"],
            ]
        )


def _has_an_empty_list(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_an_empty_list, value.values()))
    return isinstance(value, list) and (
        not value or any(map(_has_an_empty_list, value))
    )
