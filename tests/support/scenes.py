"""A gateway with the entities of a scene."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sandbox.kong import Kong
from tests.support.gateway_estates import Scene
from tests.support.kong_deployment import deploy


@contextmanager
def gateway_of(scene: Scene, **options: Any) -> Iterator[Kong]:
    """Deploy the scene's estate to a gateway, whose clock is the scene's."""
    with Kong(now=lambda: scene.now) as kong:
        deploy(kong.admin_url, scene.estate, scene.pems, **options)
        yield kong
