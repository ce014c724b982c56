"""The stand-in's schemas are a real Kong's, and its refusals are worded like Kong's."""

from __future__ import annotations

import pytest

from sandbox.kong import store, validation
from sandbox.kong.plugin_schemas import PLUGIN_SCHEMAS
from sandbox.kong.schema import ENTITY_SCHEMAS
from tests.support.sandbox import kong_recordings as recordings


@pytest.mark.parametrize("name", sorted(PLUGIN_SCHEMAS))
def test_a_plugin_schema_is_printed_as_kong_prints_it(name: str) -> None:
    """Fields, types, defaults and constraints in Kong's order, descriptions apart."""
    assert PLUGIN_SCHEMAS[name].printed() == recordings.schema(f"plugins/{name}.json")


@pytest.mark.parametrize("name", sorted(ENTITY_SCHEMAS))
def test_an_entity_schema_is_printed_as_kong_prints_it(name: str) -> None:
    """Fields, types, defaults and constraints in Kong's order, descriptions apart."""
    assert ENTITY_SCHEMAS[name].printed() == recordings.schema(f"entities/{name}.json")


def test_a_plugin_config_is_completed_with_nulls_and_defaults() -> None:
    """What is left out of a config is stored as the schema's default, null where it has none."""
    entity, errors = store.validated("plugins", {"id": IDS[0], "name": "jwt", "config": {"key_claim_name": "kid"}})
    assert errors == {}
    assert entity["config"] == {
        "uri_param_names": ["jwt"],
        "cookie_names": [],
        "key_claim_name": "kid",
        "secret_is_base64": False,
        "claims_to_verify": None,
        "anonymous": None,
        "run_on_preflight": True,
        "maximum_expiration": 0,
        "header_names": ["authorization"],
        "realm": None,
    }


def test_a_misspelt_config_field_is_named_with_its_path() -> None:
    """Unknown fields are refused, and the message says where they stand."""
    _, errors = store.validated("plugins", {"id": IDS[0], "name": "jwt", "config": {"anonimous": "x"}})
    assert errors == {"config": {"anonimous": "unknown field"}}
    assert validation.message(errors) == "schema violation (config.anonimous: unknown field)"


def test_a_chunk_that_does_not_compile_is_refused_with_luas_own_message() -> None:
    """Kong parses serverless functions when they are stored."""
    _, errors = store.validated("plugins", {"id": IDS[0], "name": "post-function", "config": {"access": ["if then"]}})
    text = "error parsing post-function: [string \"if then\"]:1: unexpected symbol near 'then'"
    assert errors == {"config": {"access": [text]}}


def test_an_unknown_plugin_is_not_enabled() -> None:
    """Plugins that are not modelled get Kong's answer for those that a node does not have."""
    _, errors = store.validated("plugins", {"id": IDS[0], "name": "acl"})
    assert errors == {"name": "plugin 'acl' not enabled; add it to the 'plugins' configuration property"}


IDS = ["6a3c9f3e-2f43-4e0c-9d0f-0d6f7c0a9b11"]
