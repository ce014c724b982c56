"""The revisions of gates that a stack exports."""

from __future__ import annotations

from dataclasses import replace

from kong_oam.kong.revisions import revisions
from kong_oam.kong.table import revision
from tests.support.estates import api, estate


def test_each_gate_of_an_exposed_component_has_a_revision() -> None:
    """It is the revision that the gate's records name."""
    own = estate(api())
    ring = "kong-oam.tests.ring.main"
    component = own.components["orders/api"]
    assert revisions(own, "oss") == {
        "orders/api": {"8080": revision(own, component, "8080", ring)}
    }


def test_a_revision_shows_the_plugin_that_verifies_tokens() -> None:
    """Enterprise has another table."""
    own = estate(api())
    assert revisions(own, "oss") != revisions(own, "enterprise")


def test_the_base_of_an_estate_has_no_gates() -> None:
    """Its partitions export their revisions."""
    assert revisions(replace(estate(api()), role="base"), "oss") == {}
