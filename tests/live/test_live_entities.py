"""Kong accepts and stores the emitted entities unchanged: strict matching finds no false
differences."""

from __future__ import annotations

import pytest

from kong_oam.kong import plugins
from tests.support.kong_deployment import Entities
from tests.support.live.gateway import LiveGateway
from tests.support.live.run import scene, upstream_host


def test_every_entity_is_accepted_and_reads_back_as_it_was_sent(
    entities: Entities,
) -> None:
    """Every field of every entity is compared, with the plugins' whole configurations."""
    assert len(entities.made) > 30
    for path, sent in entities.made.items():
        kept = entities.read(path)
        differing = {
            name: (value, kept.get(name))
            for name, value in sent.items()
            if kept.get(name) != value
        }
        assert differing == {}, path


@pytest.mark.parametrize("kind", plugins.guards("oss"))
def test_the_configuration_is_spelled_out_in_full(
    entities: Entities, kind: str
) -> None:
    """No field has a default value: Kong answers with exactly the fields that were sent."""
    for path in entities.paths("/plugins", name=kind):
        assert set(entities.read(path)["config"]) == set(
            entities.made[path]["config"]
        )


def test_the_schemas_have_the_fields_that_are_used(live: LiveGateway) -> None:
    """`GET /schemas/plugins/NAME` has the fields that admission, authentication and gate set by
    name."""
    used = {
        "pre-function": plugins.admission("{}"),
        "jwt": plugins.jwt("nobody"),
        "post-function": plugins.gate("{}", "{}"),
    }
    for kind, config in used.items():
        answer = live.target.get(f"/schemas/plugins/{kind}")
        (record,) = (
            field["config"]
            for field in answer.json()["fields"]
            if "config" in field
        )
        assert set(config) <= {
            name for entry in record["fields"] for name in entry
        }


def test_a_table_with_every_character_reaches_the_gate_unchanged(
    live: LiveGateway, entities: Entities
) -> None:
    """Brackets and escapes in the names of groups neither end the Lua string nor change."""
    estate = scene().estate
    orders = estate.components["orders/api"]
    script = entities.configs(
        estate, orders, "8080", upstream_host(), live.upstream.port
    )["post-function"]["access"]
    kept = [
        entities.read(path)["config"]["access"]
        for path in entities.paths("/plugins", name="post-function")
    ]
    assert script in kept
    assert "de\\u005d==\\u005dsk" in script[0]
