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

# Lines of its rules: the tools for readers, and the tool for closers.
READER_RULE = "              - {paths: [/mcp], tools: [search, fetch], scopes: [tickets.read]}\n"
CLOSER_RULE = (
    "              - {paths: [/mcp], tools: [close], scopes: [tickets.write]}\n"
)

# A further component, whose users connect and close.
NATIVE = """
    - name: app
      type: external
      traits:
        - type: client
          properties:
            kind: native
            redirectUris: ["com.example.desk:/callback"]
            calls: [{component: desk/mcp, scopes: [tickets.use, tickets.write]}]
"""

# Another component on the same host, public everywhere.
PAGES = """
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: pages}
spec:
  components:
    - name: web
      type: webservice
      properties: {image: web, ports: [{port: 80, expose: true}]}
      traits:
        - type: gateway
          properties: {domain: desk.example.com, http: {"PATH": 80}}
        - type: access
          properties:
            owner: pages
            rules: [{paths: ["PATH"], public: {reason: pages}}]
"""

# Changes of `DESK`: only its tools are exposed.
ONLY_MCP = ("http: {/: 8000}", "http: {/mcp: 8000}")
NO_OTHER = ("              - {paths: [/other], methods: [POST], scopes: [tickets.use]}\n", "")  # fmt: skip


def desk(*changes: tuple[str, str]) -> str:
    """Return the Application with changed texts, each of which it has once."""
    text = DESK
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def pages(path: str) -> str:
    """Return an Application with a component at a path of the same host, public everywhere."""
    return PAGES.replace("PATH", path)


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
    host: str = HOST,
) -> bytes:
    """Return the bytes of a POST of a body to the server."""
    length = ("Content-Length", str(len(body)))
    return head(token, path, (*headers, length), host) + body


def chunked(
    body: bytes,
    token: str | None = None,
    size: int = 70_000,
    host: str = HOST,
) -> bytes:
    """Return the bytes of a POST of a body in chunks."""
    headers = (
        ("Content-Type", "application/json"),
        ("Transfer-Encoding", "chunked"),
    )
    parts = [head(token, "/mcp", headers, host)]
    for at in range(0, len(body), size):
        chunk = body[at : at + size]
        parts.append(b"%x\r\n%s\r\n" % (len(chunk), chunk))
    return b"".join([*parts, b"0\r\n\r\n"])


def head(
    token: str | None,
    path: str,
    headers: Sequence[tuple[str, str]],
    host: str = HOST,
) -> bytes:
    """Return the head of a POST."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def message(method: str, **params: object) -> bytes:
    """Return a request of JSON-RPC with these parameters."""
    return json.dumps(
        {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    ).encode()


def call(tool: str, arguments: Mapping[str, object] | None = None) -> bytes:
    """Return the message that calls a tool."""
    return message("tools/call", name=tool, arguments=dict(arguments or {}))


def search_of(size: int) -> bytes:
    """Return a call of `search` of this many bytes."""
    empty = call("search", {"query": ""})
    return call("search", {"query": "x" * (size - len(empty))})
