"""An estate with an MCP server: who may connect, and who may call which tool."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence

from kong_oam.access.model import Estate
from tests.support.estates import PROVIDER, estate
from tests.support.gateway_estates import Scene
from tests.support.gateway_tokens import Issuer

HOST = "desk.example.com"

DESK = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: desk}
spec:
  components:
    - name: mcp
      type: webservice
      properties: {image: desk, ports: [{port: 8000, expose: true}]}
      traits:
        - type: gateway
          properties: {domain: desk.example.com, http: {/: 8000}}
        - type: access
          properties:
            owner: desk
            scopes: {tickets.use: Connect, tickets.read: Read tickets, tickets.write: Close tickets}
            rules:
              - {paths: [/mcp], methods: [POST, GET, DELETE], scopes: [tickets.use]}
              - {paths: [/mcp], tools: [search, fetch], scopes: [tickets.read]}
              - {paths: [/mcp], tools: [close], scopes: [tickets.write]}
              - {paths: [/other], methods: [POST], scopes: [tickets.use]}
            roles:
              reader: {scopes: [tickets.use, tickets.read], components: [desk/bot]}
              closer: {scopes: [tickets.use, tickets.write], groups: [desk]}
    - name: bot
      type: worker
      properties: {image: bot}
      traits:
        - type: client
          properties:
            kind: service
            calls: [{component: desk/mcp, scopes: [tickets.use, tickets.read]}]
"""


def desk(*changes: tuple[str, str]) -> str:
    """Return the Application with changed texts, each of which it has once."""
    text = DESK
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def desk_estate(*changes: tuple[str, str]) -> Estate:
    return estate(desk(*changes))


def desk_scene(*changes: tuple[str, str]) -> Scene:
    return Scene(desk_estate(*changes), {"main": Issuer(time.time(), PROVIDER)})


def post(
    body: bytes,
    token: str | None = None,
    path: str = "/mcp",
    headers: Sequence[tuple[str, str]] = (
        ("Content-Type", "application/json"),
    ),
) -> bytes:
    """Return the bytes of a POST of a body to the server."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {HOST}"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    lines += [f"{name}: {value}" for name, value in headers]
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def message(method: str, **params: object) -> bytes:
    """Return a request of JSON-RPC with these parameters."""
    return json.dumps(
        {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    ).encode()


def call(tool: str, arguments: Mapping[str, object] | None = None) -> bytes:
    """Return the message that calls a tool."""
    return message("tools/call", name=tool, arguments=dict(arguments or {}))
