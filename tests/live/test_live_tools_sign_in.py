"""The official Python client finds its way in through a live Kong, with nothing but the URL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import pytest

pytest.importorskip("mcp", reason="the package mcp is missing")

import httpx2
from mcp import Client
from mcp.client.auth.extensions.client_credentials import (
    ClientCredentialsOAuthProvider,
)
from mcp.client.streamable_http import streamable_http_client

from tests.support.estates import estate
from tests.support.gateway_cases import Case
from tests.support.gateway_estates import Scene
from tests.support.live.gateway import LiveGateway
from tests.support.live.run import RUN, issuer, stack, upstream_host
from tests.support.live.sdk_server import SdkServer
from tests.support.live.token_issuer import TokenIssuer
from tests.support.mcp_estates import HOST, desk

NAME = f"{RUN}-signin"
MODES: tuple[Literal["auto", "legacy"], ...] = ("auto", "legacy")


@dataclass(frozen=True, slots=True)
class Desk:
    """A server behind the gateway, and the issuer of its tokens."""

    host: str
    server: SdkServer
    issuer: TokenIssuer

    @property
    def url(self) -> str:
        return f"http://{self.host}/mcp"


@pytest.fixture(scope="module", params=[True, False], ids=["JSON", "events"])
def behind(request: pytest.FixtureRequest, live: LiveGateway) -> Iterator[Desk]:
    """A server that answers in JSON, and a server that answers in event streams."""
    host = f"{'json' if request.param else 'events'}.{NAME}.example.com"
    with (
        TokenIssuer() as tokens,
        SdkServer(json_response=request.param) as server,
        live.target.deploying() as entities,
    ):
        usual = stack(NAME)
        provider = replace(usual.providers["main"], issuer=tokens.url)
        here = replace(usual, providers={"main": provider})
        signing = replace(issuer(NAME), provider=provider)
        tokens.issue = signing.service
        scene = Scene(estate(desk((HOST, host)), stack=here), {"main": signing})
        entities.estate(scene.estate, scene.pems, upstream_host(), server.port)
        steady = [(Case("GET", host, b"/mcp"), 401)]
        live.await_steady(steady, 3 * entities.facts.settle + 60)
        yield Desk(host, server, tokens)


class _ByGateway(httpx2.AsyncHTTPTransport):
    """Sends requests for a host to the gateway, as DNS would."""

    def __init__(self, host: str, proxy: tuple[str, int]) -> None:
        super().__init__()
        self._host = host
        self._proxy = proxy
        self.paths: list[str] = []

    async def handle_async_request(
        self, request: httpx2.Request
    ) -> httpx2.Response:
        if request.url.host == self._host:
            self.paths.append(f"{request.method} {request.url.path}")
            host, port = self._proxy
            request.url = request.url.copy_with(host=host, port=port)
        return await super().handle_async_request(request)


class _Storage:
    """Keeps the tokens of one client."""

    def __init__(self) -> None:
        self.tokens: Any = None

    async def get_tokens(self) -> Any:
        return self.tokens

    async def set_tokens(self, tokens: Any) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> Any:
        return None

    async def set_client_info(self, client_info: Any) -> None: ...


@pytest.mark.parametrize("mode", MODES)
def test_a_client_needs_nothing_but_the_url(
    live: LiveGateway, behind: Desk, mode: Literal["auto", "legacy"]
) -> None:
    """It discovers, lists, calls, steps up, and calls again."""
    behind.server.ran.clear()
    behind.issuer.asked.clear()
    transport = _ByGateway(behind.host, live.target.proxy)
    provider = ClientCredentialsOAuthProvider(
        behind.url, _Storage(), "c", "unused", issuer=behind.issuer.url
    )
    found: list[object] = []

    async def run() -> None:
        async with (
            httpx2.AsyncClient(transport=transport, auth=provider) as client,
            Client(
                streamable_http_client(behind.url, http_client=client),
                mode=mode,
            ) as connected,
        ):
            for tool in (None, "search", None, "close", None):
                if tool:
                    result: Any = await connected.call_tool(tool, {})
                    found.append(result.content[0].text)
                    continue
                # Not from the cache of the client.
                listed = await connected.session.list_tools()
                found.append(sorted(each.name for each in listed.tools))

    asyncio.run(run())
    assert found == [
        [],
        "found 0",
        ["fetch", "search"],
        "closed 0",
        ["close", "fetch", "search"],
    ]
    assert behind.server.ran == ["search", "close"]
    assert [*map(str.split, behind.issuer.asked)] == [
        ["tickets.use"],
        ["tickets.use", "tickets.read"],
        ["tickets.use", "tickets.read", "tickets.write"],
    ]
    document = "GET /.well-known/oauth-protected-resource/mcp"
    assert transport.paths.count(document) == 1
    assert {*behind.issuer.resources} <= {behind.url}
