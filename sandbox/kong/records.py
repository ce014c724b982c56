"""The record of a request that plugins which write logs send: Kong's own, as scripts have changed
it.

Source: recorded log lines of a Kong 3.10 (recorded-plugins.jsonl, `log`) and kong/pdk/log.lua.
"""

from __future__ import annotations

import json

from sandbox.edges import Json
from sandbox.kong.exchange import Exchange

REDACTED = frozenset({"authorization", "proxy-authorization"})
"""Headers whose values Kong takes out of records: no others."""


class UnencodableRecordError(Exception):
    """The record has a value that Kong's JSON encoder rejects; Kong loses it without a message."""


def line(exchange: Exchange) -> bytes:
    """Return the record as plugins send it: one JSON text. Raises UnencodableRecordError."""
    if exchange.record_lost:
        raise UnencodableRecordError
    return json.dumps(
        record(exchange), separators=(",", ":"), ensure_ascii=False
    ).encode("latin-1")


def record(exchange: Exchange) -> Json:
    """Return the record as Lua sees it; one character of a text is one byte."""
    root = _kongs(exchange)
    for key, value in exchange.record_edits:
        if value is None:
            root.pop(key, None)
        else:
            root[key] = value
    return root


def _kongs(exchange: Exchange) -> Json:
    request = exchange.request
    values: Json = {
        "request": {
            "id": exchange.request_id,
            "uri": request.target,
            "url": f"{exchange.scheme}://{request.host}:{exchange.port}{request.target}",
            "querystring": {
                name: True if value is None else value
                for name, value in exchange.arguments()
            },
            "method": exchange.method,
            "headers": {
                name.lower(): "REDACTED" if name.lower() in REDACTED else value
                for name, value in exchange.headers
            },
            "size": len(request.body),
        },
        "response": {
            "status": exchange.status,
            "headers": {
                name.lower(): value for name, value in exchange.response_headers
            },
            "size": len(exchange.answered),
        },
        "latencies": {
            "kong": 0,
            "proxy": 0 if exchange.source == "service" else -1,
            "request": 0,
            "receive": 0,
        },
        "upstream_uri": exchange.upstream_path,
        "upstream_status": str(exchange.status)
        if exchange.source == "service"
        else "",
        "client_ip": exchange.address,
        "started_at": int(exchange.now * 1000),
        "source": {"service": "upstream", "exit": "kong", "error": "kong"}.get(
            exchange.source, ""
        ),
        "workspace": "00000000-0000-0000-0000-000000000000",
        "workspace_name": "default",
    }
    if exchange.match:
        values["route"] = exchange.match.route
        values["service"] = exchange.match.service
    if exchange.consumer:
        values["consumer"] = exchange.consumer
    return values
