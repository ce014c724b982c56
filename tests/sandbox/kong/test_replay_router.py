"""The stand-in's router chooses like a real Kong 3.10: 509 sets of routes, 14,563 requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from kong_rules.store import Store
from sandbox.kong.checks import Checks
from sandbox.kong.proxy import Proxy
from sandbox.kong.upstream import accept_all
from tests.support.json_object import JsonObject
from tests.support.sandbox import kong_recordings as recordings

NOW = 1_800_000_000.0
PORTS = {"http": 38000, "https": 38443}
ANSWERED = 418


def _gateway(defaults: Mapping[str, Any], routes: list[JsonObject]) -> Proxy:
    store = Store(Checks(), now=lambda: NOW, clock=lambda: 0.0)
    for route in routes:
        made = store.insert("routes", {**defaults, **route})
        config = {
            "status_code": ANSWERED,
            "content_type": "text/plain",
            "body": route["name"],
        }
        store.insert(
            "plugins",
            {
                "name": "request-termination",
                "route": {"id": made["id"]},
                "config": config,
            },
        )
    return Proxy(store, "3.10.0", now=lambda: NOW, lags=lambda: (0.0, 0.0, 0.0))


def _raw(request: Mapping[str, Any]) -> bytes:
    headers = [] if request["host"] is None else [("Host", request["host"])]
    headers += [
        (name, value) for name, value in (request.get("headers") or {}).items()
    ]
    lines = [
        f"{request['method']} {request['path']} HTTP/1.1",
        *(f"{name}: {value}" for name, value in headers),
    ]
    return ("\r\n".join([*lines, "Connection: close"]) + "\r\n\r\n").encode(
        "latin-1"
    )


@pytest.mark.deep
def test_every_request_reaches_the_route_that_it_reached(
    report: Callable[[str], None],
) -> None:
    """By status, and by the route's own name. Requests that the real Kong answered differently
    twice are left out."""
    first, *recorded = recordings.recorded("recorded-router.jsonl")
    counts: Counter[str] = Counter()
    wrong = []
    for line in recorded:
        if "refused" in line:
            continue
        proxy = _gateway(first["route_defaults"], line["routes"])
        for request in line["requests"]:
            if request.get("unstable"):
                counts["unstable"] += 1
                continue
            scheme = request.get("scheme") or "http"
            answer = proxy.handle(
                _raw(request), scheme, PORTS[scheme], accept_all
            )
            matched = (
                answer.body.decode() if answer.status == ANSWERED else None
            )
            expected = (
                request["matched"] if request["status"] == ANSWERED else None
            )
            counts["compared"] += 1
            if (answer.status, matched) != (request["status"], expected):
                wrong.append(
                    (line["family"], line["n"], request, answer.status, matched)
                )
    for family, n, request, status, matched in wrong[:40]:
        print(family, n, request, "->", status, matched)
    report(
        f"router, recorded: {counts['compared']} requests compared, {counts['unstable']} unstable ones left out"
    )
    assert not wrong, Counter(family for family, *_ in wrong)
    assert counts["compared"] > 13_000
