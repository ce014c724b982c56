"""Reading a gateway's entities from its Admin API. Nothing is ever changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from kong_oam.kong.entities import Entities, Entity
from kong_oam.kong.preflight import PreflightError, get

_PAGE = 1000
_FLAVORS = ("traditional", "traditional_compatible")


def read(client: httpx.Client, admin_url: str) -> Entities:
    """All entities of the workspace that may bear on a decision. Raises PreflightError."""
    configuration: Mapping[str, Any] = get(client, "/", admin_url).get("configuration") or {}
    flavor = configuration.get("router_flavor", _FLAVORS[-1])
    if flavor not in _FLAVORS:
        raise PreflightError(f"Kong's router_flavor is '{flavor}', whose routes are not understood; use {_FLAVORS[-1]}")
    upstreams = rows(client, "/upstreams", admin_url)
    return Entities(
        services=rows(client, "/services", admin_url),
        routes=rows(client, "/routes", admin_url),
        plugins=rows(client, "/plugins", admin_url),
        consumers=rows(client, "/consumers", admin_url),
        credentials=rows(client, "/jwts", admin_url),
        upstreams=upstreams,
        targets=tuple(
            target for one in upstreams for target in rows(client, f"/upstreams/{one['id']}/targets", admin_url)
        ),
    )


def rows(client: httpx.Client, path: str, admin_url: str) -> tuple[Entity, ...]:
    """All entities of a collection, such as "/plugins". Raises PreflightError."""
    found: list[Entity] = []
    offset = ""
    while True:
        page = get(client, f"{path}?size={_PAGE}{offset}", admin_url)
        found += page["data"]
        if not page.get("offset"):
            return tuple(found)
        offset = f"&{httpx.QueryParams(offset=page['offset'])}"
