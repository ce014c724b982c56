"""The last test of the tier: no entity of the run is left, and no other entity has changed."""

from __future__ import annotations

import pytest

from tests.support.json_object import JsonObject
from tests.support.kong_deployment import Entities
from tests.support.live.gateway import LiveGateway
from tests.support.live.run import RUN


def test_nothing_is_left_behind_and_nothing_of_others_was_touched(
    live: LiveGateway,
    entities: Entities,
    before: dict[str, JsonObject],
    request: pytest.FixtureRequest,
) -> None:
    """Every entity with the run's name is gone; every other entity is unchanged."""
    # Workers show deleted entities for a while: a later test could pass on a slow Kong only.
    assert request.session.items[-1] is request.node
    assert entities.made
    entities.clean()
    now = live.target.entities()
    assert [path for path, item in now.items() if RUN in str(item)] == []
    assert {path: now.get(path) for path in before} == before
