"""Writes a retirement as requests to Kong's Admin API, in an order that opens nothing."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from kong_oam.access.data import Names
from kong_oam.adopt.retire import Retirement

_CURL = 'curl -fsS -o /dev/null -H "Kong-Admin-Token: $KONG_ADMIN_TOKEN"'
_CLOSED = (
    """-X PATCH -H "Content-Type: application/json" -d '{"service":null}'"""
)


def script(
    retirement: Retirement, settle: float, workspace: str | None = None
) -> Iterator[str]:
    """Yield the lines of a shell script that removes the entities.

    `settle`: seconds until a change reaches every worker. No line has a credential.
    """
    if retirement.is_empty:
        return
    base = f"/{quote(workspace, safe='')}" if workspace else ""
    yield "set -e"
    routes = [
        _path("routes", retired.route.id or retired.route.name)
        for retired in retirement.routes
    ]
    if routes:
        yield "# The old routes lose their services. They keep their requests, and answer 503."
        for retired, path in zip(retirement.routes, routes, strict=True):
            if retired.route.service:
                yield _line(_CLOSED, base, path)
        yield from _wait(settle)
        yield "# The routes go, with their plugins."
        yield from _deletions(base, routes)
    services = [
        _path("services", each.id or each.name) for each in retirement.services
    ]
    if services:
        if routes:
            yield from _wait(settle)
        yield "# The services without a route go, with their plugins."
        yield from _deletions(base, services)
    others = [
        _path("upstreams", each.id or each.name)
        for each in retirement.upstreams
    ]
    others += [
        _path("consumers", each.id or each.name)
        for each in retirement.consumers
    ]
    if others:
        yield "# Unused upstreams go, and consumers with their credentials."
        yield from _deletions(base, others)


def _wait(settle: float) -> Names:
    return "# Every worker learns of it.", f"sleep {settle:g}"


def _deletions(base: str, paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        yield _line("-X DELETE", base, path)


def _path(kind: str, name: str) -> str:
    return f"/{kind}/{quote(name, safe='')}"


def _line(request: str, base: str, path: str) -> str:
    return f'{_CURL} {request} "$KONG_ADMIN_ADDR"{shlex.quote(base + path)}'
