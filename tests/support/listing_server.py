"""A server whose list has all tools, as the sandbox's upstream."""

from __future__ import annotations

import json

from sandbox.kong.http import Response
from sandbox.kong.proxy import Answer, Send

ALL = ("search", "fetch", "close", "open", "a", "b/c", "d-e", "f")


def listing_server(kind: str = "application/json", **headers: str) -> Send:
    """A server whose list has all tools."""
    tools = [{"name": name} for name in ALL]
    result = {"jsonrpc": "2.0", "id": 1, "result": {"tools": tools}}
    text = json.dumps(result).encode()
    body = b"data: %s\n\n" % text if kind == "text/event-stream" else text
    length = ("Content-Length", str(len(body)))
    named = [(name.replace("_", "-"), each) for name, each in headers.items()]
    sent = (("Content-Type", kind), length, *named)
    return lambda request, service: Response(200, sent, body)


def listed(answered: Answer) -> list[str]:
    text = answered.body.removeprefix(b"data: ")
    return [tool["name"] for tool in json.loads(text)["result"]["tools"]]
