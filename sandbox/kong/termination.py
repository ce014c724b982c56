"""The `request-termination` plugin, without `echo`.

Source: Kong's documentation of the plugin and recorded exchanges of a Kong 3.10 (step
request-termination).
"""

from __future__ import annotations

import json
from typing import Any

from sandbox.kong.entities import Config
from sandbox.kong.exchange import Exchange
from sandbox.kong.http import Header, Response
from sandbox.kong.wire import wire

_MESSAGES = {
    401: "Unauthorized",
    404: "Not found",
    405: "Method not allowed",
    500: "An unexpected error occurred",
}
_MESSAGES |= {502: "Bad Gateway", 503: "Service unavailable"}


def access(exchange: Exchange, config: Config) -> Response | None:
    """Return the configured answer; None if the request lacks the configured `trigger` as header
    and argument."""
    trigger = config["trigger"]
    if trigger is not None:
        names = {name for name, _ in exchange.arguments()}
        if not exchange.values(wire(trigger)) and wire(trigger) not in names:
            return None
    if config["echo"]:
        return json_response(
            501,
            {
                "message": "stand-in: request-termination with echo is not modelled"
            },
        )
    if config["body"] is not None:
        kind = config["content_type"] or "application/json; charset=utf-8"
        kind = f"{kind}; charset=UTF-8" if kind == "text/html" else kind
        return Response(
            config["status_code"],
            (("Content-Type", wire(kind)),),
            config["body"].encode(),
        )
    message = config["message"] or _MESSAGES.get(config["status_code"])
    return json_response(
        config["status_code"], {"message": message} if message else {}
    )


def json_response(
    status: int, body: Any, headers: tuple[Header, ...] = ()
) -> Response:
    """Kong's compact JSON answers."""
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return Response(
        status,
        (("Content-Type", "application/json; charset=utf-8"), *headers),
        text.encode(),
    )
