"""The official Python client and server of the Model Context Protocol, through a live Kong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Literal

import pytest

pytest.importorskip("mcp", reason="the package mcp is missing")

from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from tests.support.estates import estate
from tests.support.gateway_cases import Case
from tests.support.gateway_estates import Scene
from tests.support.live.gateway import LiveGateway
from tests.support.live.run import RUN, issuer, issuers, stack, upstream_host
from tests.support.live.sdk_server import SdkServer
from tests.support.live.tools import largest_message
from tests.support.mcp_estates import HOST, desk, post, search_of
from tests.support.messages.hostile import ACCEPT, hostile_messages
from tests.support.raw_requests import ask

NAME = f"{RUN}-sdk"
DESK = f"sdk.{RUN}.example.com"
MODES: tuple[Literal["auto", "legacy"], ...] = ("auto", "legacy")


@pytest.fixture(scope="module", params=[True, False], ids=["JSON", "events"])
def server(
    request: pytest.FixtureRequest, live: LiveGateway
) -> Iterator[SdkServer]:
    """A server that answers in JSON, and a server that answers in event streams."""
    text = desk((HOST, DESK))
    scene = Scene(estate(text, stack=stack(NAME)), issuers(NAME))
    with (
        SdkServer(json_response=request.param) as behind,
        live.target.deploying() as entities,
    ):
        entities.estate(scene.estate, scene.pems, upstream_host(), behind.port)
        steady = [(Case("GET", DESK, b"/mcp"), 401)]
        live.await_steady(steady, 3 * entities.facts.settle + 60)
        yield behind
    gone = [(Case("GET", DESK, b"/mcp"), 404)]
    live.await_steady(gone, 60)


def _token(*scopes: str) -> str:
    return issuer(NAME).service(scopes)


BOT = ("tickets.use", "tickets.read")
WRITER = ("tickets.use", "tickets.write")


def _session(
    live: LiveGateway,
    mode: Literal["auto", "legacy"],
    scopes: tuple[str, ...],
    *tools: str,
) -> list[str]:
    """Connect, list, and call tools. Return the texts of the answers, or the names of errors."""

    async def run() -> list[str]:
        host, port = live.target.proxy
        headers = {"Host": DESK, "Authorization": f"Bearer {_token(*scopes)}"}
        url = f"http://{host}:{port}/mcp"
        texts = []
        async with (
            create_mcp_http_client(headers=headers) as client,
            Client(
                streamable_http_client(url, http_client=client), mode=mode
            ) as connected,
        ):
            listed = await connected.list_tools()
            texts.append(" ".join(sorted(tool.name for tool in listed.tools)))
            for tool in tools:
                texts.append(await _called(connected, tool))
        return texts

    return asyncio.run(run())


async def _called(client: Any, tool: str) -> str:
    try:
        result = await client.call_tool(tool, {})
    except Exception as error:  # noqa: BLE001 - the kind depends on the version of the protocol
        return type(error).__name__
    return str(result.content[0].text)


@pytest.mark.parametrize("mode", MODES)
def test_the_client_calls_its_tools_and_no_others(
    live: LiveGateway, server: SdkServer, mode: Literal["auto", "legacy"]
) -> None:
    """Each token lists the scopes of one role. A denial ends no session."""
    server.ran.clear()
    found = _session(live, mode, BOT, "search", "close", "fetch")
    assert found[:2] == ["fetch search", "found 0"]
    assert found[2] != "closed 0"
    assert found[3] == "ticket 0"
    assert _session(live, mode, WRITER, "close")[1] == "closed 0"
    assert server.ran == ["search", "fetch", "close"]


def test_no_hostile_message_runs_a_tool(
    live: LiveGateway, server: SdkServer
) -> None:
    server.ran.clear()
    for hostile in hostile_messages():
        raw = post(hostile.body, _token(*BOT), headers=(*ACCEPT, *hostile.headers), host=DESK)  # fmt: skip
        assert ask(live.target.proxy, raw).status == hostile.status
    assert server.ran == []


def test_large_messages_arrive(live: LiveGateway, server: SdkServer) -> None:
    """Spooled by the gateway, and read by the server; rejected by a Kong that reads no files."""
    server.ran.clear()
    headers = (*ACCEPT, ("Content-Type", "application/json"))
    for size in (300, 300_000):
        raw = post(search_of(size), _token(*BOT), headers=headers, host=DESK)
        answered = ask(live.target.proxy, raw)
        if size > largest_message(live):
            assert answered.status == 413
            continue
        # The server demands a session. The gate let the message pass.
        assert answered.status in (200, 400)
        assert b"kong-oam" not in answered.body
