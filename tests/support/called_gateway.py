"""The proxy of the sandbox's Kong (a stand-in), whose workloads answer every call with 200."""

from __future__ import annotations

import httpx

from kong_oam.kong.proxy import Proxy
from sandbox.kong import Kong


def proxy_of(kong: Kong) -> Proxy:
    """Return the proxy without network and without pauses."""

    def answer(request: httpx.Request) -> httpx.Response:
        host = request.headers["Host"]
        raw = f"{request.method} {request.url.path} HTTP/1.1\r\nHost: {host}\r\n\r\n"
        from_kong = kong.handle(raw.encode(), "http")
        return httpx.Response(from_kong.status, headers=from_kong.headers)

    return Proxy(
        "http", transport=httpx.MockTransport(answer), sleep=lambda _: None
    )
