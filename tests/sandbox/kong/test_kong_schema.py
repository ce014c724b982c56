"""The stand-in's schemas are a real Kong's, and its errors are worded like Kong's."""

from __future__ import annotations

import pytest

from sandbox.kong.plugin_schemas import PLUGIN_SCHEMAS
from sandbox.kong.schema import ENTITY_SCHEMAS
from tests.support.sandbox import kong_recordings as recordings


@pytest.mark.parametrize("name", sorted(PLUGIN_SCHEMAS))
def test_a_plugin_schema_is_printed_as_kong_prints_it(name: str) -> None:
    """Fields, types, defaults and constraints in Kong's order, descriptions apart."""
    assert PLUGIN_SCHEMAS[name].printed() == recordings.schema(
        f"plugins/{name}.json"
    )


@pytest.mark.parametrize("name", sorted(ENTITY_SCHEMAS))
def test_an_entity_schema_is_printed_as_kong_prints_it(name: str) -> None:
    """Fields, types, defaults and constraints in Kong's order, descriptions apart."""
    assert ENTITY_SCHEMAS[name].printed() == recordings.schema(
        f"entities/{name}.json"
    )
