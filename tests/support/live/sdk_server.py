"""A server of the official Python SDK with the tools `search`, `fetch` and `close`."""

from __future__ import annotations

import socket
import time
from threading import Thread
from typing import Self

import uvicorn
from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings

from tests.support.live.run import bind_address


class SdkServer:
    """`ran` are the tools that ran, in order."""

    def __init__(self, *, json_response: bool) -> None:
        self.ran: list[str] = []
        self._socket = socket.create_server((bind_address(), 0))
        server = MCPServer("desk")
        for tool in (self._search, self._fetch, self._close):
            server.tool(name=tool.__name__.removeprefix("_"))(tool)
        # The gateway sends its own Host header.
        security = TransportSecuritySettings(
            enable_dns_rebinding_protection=False
        )
        app = server.streamable_http_app(
            json_response=json_response, transport_security=security
        )
        config = uvicorn.Config(app, log_level="error", lifespan="on")
        self._server = uvicorn.Server(config)
        self._thread = Thread(
            target=self._server.run, args=([self._socket],), daemon=True
        )

    def _search(self, query: str = "") -> str:
        """Find tickets."""
        self.ran.append("search")
        return f"found {len(query)}"

    def _fetch(self, ticket: int = 0) -> str:
        """Return a ticket."""
        self.ran.append("fetch")
        return f"ticket {ticket}"

    def _close(self, ticket: int = 0) -> str:
        """Close a ticket."""
        self.ran.append("close")
        return f"closed {ticket}"

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()
