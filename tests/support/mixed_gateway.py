"""A gateway in the middle of an update: the admission of an estate, and the gate of another."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from kong_oam.access.settings.logs import LogSettings
from sandbox.kong import Kong
from tests.support.gateway_estates import Scene
from tests.support.json_object import JsonObject
from tests.support.kong_deployment import deploy


@contextmanager
def mixed_gateway(
    admission: Scene, gate: Scene, service: str, file: Path
) -> Iterator[Kong]:
    """Yield a gateway whose service has the plugins of two estates. It writes records into the
    file."""
    logs = LogSettings(file=str(file))
    with Kong(now=time.time) as kong:
        deploy(kong.admin_url, gate.estate, gate.pems, logs=logs)
        config = plugin_of(kong, service, "post-function")["config"]
    with Kong(now=time.time) as kong:
        deploy(kong.admin_url, admission.estate, admission.pems, logs=logs)
        identifier = plugin_of(kong, service, "post-function")["id"]
        httpx.patch(
            f"{kong.admin_url}/plugins/{identifier}", json={"config": config}
        ).raise_for_status()
        yield kong


def plugin_of(kong: Kong, service: str, kind: str) -> JsonObject:
    """Return the only plugin of this kind that a service has. `service` is its name."""
    (owner,) = (
        entity
        for entity in kong.entities("services")
        if entity["name"] == service
    )
    (found,) = (
        plugin
        for plugin in kong.entities("plugins")
        if plugin["name"] == kind
        and (plugin["service"] or {}).get("id") == owner["id"]
    )
    return found
