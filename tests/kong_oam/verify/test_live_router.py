"""`verify` reads a gateway's routes as a real Kong 3.10 chose among them: 509 sets of routes, recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from kong_oam.access.paths import AmbiguousPathError, read, written
from kong_oam.verify.questions import Call
from kong_oam.verify.router import Router
from tests.support.recordings import recorded


def _call(request: Mapping[str, Any]) -> Call | None:
    """Return the call as `verify` asks it. None: it has a port, headers or an unusual path, which
    `verify` never asks."""
    host = request["host"] or ""
    if request.get("headers") or ":" in host or host.endswith(".") or not host:
        return None
    scheme: Literal["http", "https"] = (
        "https" if request.get("scheme") == "https" else "http"
    )
    try:
        path = read(request["path"].encode("latin-1"))
    except AmbiguousPathError:
        return None
    return (
        Call(scheme, request["method"], host, path)
        if written(path) == request["path"]
        else None
    )


def test_the_route_that_was_reached_is_among_those_that_may_be(
    report: Callable[[str], None],
) -> None:
    """If a single route is possible, Kong reached it. If Kong reached none, no route is certain."""
    first, *lines = recorded("kong-3.10/recorded-router.jsonl")
    total = alone = 0
    for line in lines:
        routes = [
            {**first["route_defaults"], **route} for route in line["routes"]
        ]
        names = {route["id"]: route["name"] for route in routes}
        router = Router(routes)
        for request in () if "refused" in line else line["requests"]:
            call = _call(request)
            if (
                call is None
                or request.get("unstable")
                or request["status"] == 400
            ):
                continue
            reached = router.reached(call)
            found = [names[call.route["id"]] for call in reached]
            where = (line["family"], line["n"], request, found)
            total += 1
            if request["matched"] is None:
                assert not any(call.certain for call in reached), where
            else:
                assert request["matched"] in found, where
                alone += found == [request["matched"]]
    report(
        f"router of verify, recorded: {total} requests compared, for {alone} of them one route alone may be reached"
    )
    assert total > 5_000 and alone > 2_000
