"""Exactly the declared connections pass: for every source, pod and port of real products.

The oracle is the evaluator in `tests.support.network_policies`. It judges the objects of a run.
"""

from __future__ import annotations

import pytest

from tests.support.connected_products import CONNECTIONS, PLACES, worlds
from tests.support.network_policies import passing


@pytest.mark.parametrize("product", CONNECTIONS)
@pytest.mark.parametrize("place", PLACES)
def test_exactly_the_declared_connections_pass(
    product: str, place: str
) -> None:
    """Sources are also impostors, neighbours of the gateway, nodes and the world."""
    for world in worlds(product, place):
        found = passing(world.manifests, world.pods, world.others, world.ports)
        assert found == world.declared
