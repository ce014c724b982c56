"""The official TypeScript SDK on Express behind a live Kong: the hostile messages, and the official
conformance tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.estates import estate
from tests.support.gateway_cases import Case
from tests.support.gateway_estates import Scene
from tests.support.live.express_server import (
    ExpressServer,
    conformance,
    packages,
)
from tests.support.live.gateway import LiveGateway
from tests.support.live.run import RUN, issuer, issuers, stack, upstream_host
from tests.support.mcp_estates import HOST, call, desk, post
from tests.support.messages.hostile import ACCEPT, JSON, hostile_messages
from tests.support.raw_requests import ask

pytestmark = pytest.mark.skipif(
    packages() is None,
    reason="LIVE_MCP_NODE does not name a folder with the npm packages express, node 22, "
    "@modelcontextprotocol/sdk 1 and @modelcontextprotocol/conformance",
)

NAME = f"{RUN}-express"
DESK = f"express.{RUN}.example.com"
READ = ("tools: [search, fetch], scopes: [tickets.read]", "tools: [search, fetch, {}], scopes: [tickets.read]")  # fmt: skip
TOOLS = (
    "test_simple_text",
    "test_image_content",
    "test_audio_content",
    "test_embedded_resource",
    "test_multiple_content_types",
    "test_error_handling",
    "test_tool_with_logging",
    "test_tool_with_progress",
    "test_sampling",
)
SCENARIOS = (
    "server-initialize",
    "ping",
    "tools-list",
    "tools-call-simple-text",
    "tools-call-image",
    "tools-call-audio",
    "tools-call-embedded-resource",
    "tools-call-mixed-content",
    "tools-call-with-logging",
    "tools-call-error",
    "tools-call-with-progress",
    "tools-call-sampling",
    "resources-list",
    "resources-read-text",
    "resources-read-binary",
    "resources-templates-read",
    "resources-subscribe",
    "resources-unsubscribe",
    "prompts-list",
    "prompts-get-simple",
    "prompts-get-with-args",
    "prompts-get-embedded-resource",
    "prompts-get-with-image",
)


@pytest.fixture(scope="module")
def folder() -> Path:
    found = packages()
    assert found is not None
    return found


@pytest.fixture(scope="module")
def server(live: LiveGateway, folder: Path) -> Iterator[ExpressServer]:
    old, new = READ
    text = desk((HOST, DESK), (old, new.format(", ".join(TOOLS))))
    scene = Scene(estate(text, stack=stack(NAME)), issuers(NAME))
    with (
        ExpressServer(folder) as behind,
        live.target.deploying() as entities,
    ):
        entities.estate(scene.estate, scene.pems, upstream_host(), behind.port)
        steady = [(Case("GET", DESK, b"/mcp"), 401)]
        live.await_steady(steady, 3 * entities.facts.settle + 60)
        yield behind


def _token(*scopes: str) -> str:
    return issuer(NAME).service(scopes)


def test_no_hostile_message_runs_a_tool(
    live: LiveGateway, server: ExpressServer
) -> None:
    server.ran()
    token = _token("tickets.use", "tickets.read")
    for hostile in hostile_messages():
        headers = (*ACCEPT, *hostile.headers)
        raw = post(hostile.body, token, headers=headers, host=DESK)
        assert ask(live.target.proxy, raw).status == hostile.status
    assert server.ran() == []
    raw = post(call("search"), token, headers=(*ACCEPT, *JSON), host=DESK)
    assert b"found" in ask(live.target.proxy, raw).body
    assert server.ran() == ["search"]


def test_the_server_runs_hostile_messages_that_the_gate_does_not_read(
    live: LiveGateway, server: ExpressServer
) -> None:
    """So that the hostile messages could run a tool."""
    server.ran()
    token = _token("tickets.use")
    for hostile in hostile_messages():
        headers = (*ACCEPT, *hostile.headers)
        raw = post(hostile.body, token, "/other", headers=headers, host=DESK)
        ask(live.target.proxy, raw)
    assert server.ran().count("close") >= 10


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_conformance_is_the_same_through_the_gate(
    live: LiveGateway, server: ExpressServer, folder: Path, scenario: str
) -> None:
    host, port = live.target.proxy
    through = {
        "THROUGH_HOST": DESK,
        "THROUGH_ADDRESS": host,
        "THROUGH_TOKEN": _token("tickets.use", "tickets.read"),
    }
    url = f"http://127.0.0.1:{server.port}/mcp"
    directly = conformance(folder, url, scenario, {})
    assert {*directly.values()} <= {"SUCCESS", "INFO"}
    url = f"http://{DESK}:{port}/mcp"
    assert conformance(folder, url, scenario, through) == directly
