"""An opening is found by the stack that its table names, or else by tags and service."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kong_oam.kong.entities import Entities
from kong_oam.kong.script import ScriptInputs, with_inputs
from kong_oam.verify.openings import find_openings
from tests.support.json_object import JsonObject
from tests.support.two_stacks import deployment

OPENED = {"path": "/orders", "methods": ["GET"], "ends": 1}
OURS, OTHERS = (
    ["kong-oam", "kong-oam-stack:local"],
    ["kong-oam", "kong-oam-stack:prod"],
)
SERVICE = {"id": "1", "name": "kong-oam.local.orders.api.8080"}


def openings(
    plugin: JsonObject, *services: JsonObject
) -> list[tuple[str, bool]]:
    """The component of each plugin found, and whether it has an opening."""
    usual = {
        "id": "p",
        "name": "post-function",
        "service": None,
        "route": None,
        "consumer": None,
        "tags": None,
    }
    live = Entities(services=services, plugins=({**usual, **plugin},))
    scripts = find_openings(live, deployment("local").settings).scripts
    return [
        (guard.component, any("opened" in table for table in guard.tables))
        for guard in scripts
    ]


def admission_script(table: Any, phase: str = "access") -> JsonObject:
    return {
        phase: [
            "return function() end",
            with_inputs(ScriptInputs(json.dumps(table)), "return"),
        ]
    }


@pytest.mark.parametrize(
    ("table", "tags", "expected"),
    [
        ({"ring": "kong-oam.local.ring.okta"}, None, True),
        ({"ring": "kong-oam.local.ring.okta"}, OTHERS, True),
        ({"log": {"stack": "local"}}, None, True),
        ({}, OURS, True),
        ({}, None, False),
        ({}, OTHERS, False),
        ({"ring": "kong-oam.prod.ring.okta"}, OURS, False),
        ({"ring": "kong-oam.local.ring.ring.okta"}, None, False),
        ({"ring": "another"}, None, False),
        ({"ring": 1, "log": 2}, None, False),
    ],
)
def test_whose_an_opening_is(
    table: JsonObject, tags: list[str] | None, expected: bool
) -> None:
    """A table that names another stack is that stack's, whatever its tags."""
    config = admission_script(
        {**table, "component": "orders/api", "opened": OPENED}
    )
    assert openings({"config": config, "tags": tags}) == (
        [("orders/api", True)] if expected else []
    )


@pytest.mark.parametrize("phase", ["access", "rewrite", "log"])
def test_an_opening_is_found_in_every_phase(phase: str) -> None:
    """Also behind another script."""
    config = admission_script(
        {
            "ring": "kong-oam.local.ring.okta",
            "component": "orders/api",
            "opened": OPENED,
        },
        phase,
    )
    assert openings({"config": config}) == [("orders/api", True)]


def test_what_stands_on_a_service_of_ours_is_a_guard_without_a_table() -> None:
    """On a route, without tags, it is anybody's."""
    config = {"access": ["return function() end"]}
    assert openings({"config": config, "service": {"id": "1"}}, SERVICE) == [
        ("orders/api", False)
    ]
    assert (
        openings(
            {"config": config, "service": {"id": "1"}, "route": {"id": "2"}},
            SERVICE,
        )
        == []
    )


@pytest.mark.parametrize(
    "opening",
    [None, 1, {}, {**OPENED, "methods": []}, {**OPENED, "ends": True}],
)
def test_an_opening_that_cannot_be_read_is_none_to_list(opening: Any) -> None:
    """It exists all the same, and is closed."""
    table = {
        "version": 4,
        "ring": "kong-oam.local.ring.okta",
        "opened": opening,
    }
    plugin = {
        "id": "p",
        "name": "post-function",
        "config": admission_script(table),
    }
    live = Entities(plugins=(plugin,))
    (guard,) = find_openings(live, deployment("local").settings).scripts
    assert list(guard.openings) == []
    assert "opened" not in json.dumps(guard.closed_config())


def test_an_opening_of_another_version_is_left_to_it() -> None:
    """It is no known script, which the commands tell."""
    plugin = {
        "id": "p",
        "name": "post-function",
        "config": admission_script({"version": 3, "opened": OPENED}),
        "tags": OURS,
    }
    (guard,) = find_openings(
        Entities(plugins=(plugin,)), deployment("local").settings
    ).scripts
    assert (guard.table, guard.closed_config()) == ({}, {})
